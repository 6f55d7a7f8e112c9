// Reads as an analyst with the ClickHouse JDBC driver and tells, a line each, what came of it.
// Arguments: url user password sql streamed parameters... -- refused...

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;

public class Read {
    public static void main(String[] arguments) throws Exception {
        List<String> given = Arrays.asList(arguments);
        int end = given.indexOf("--");
        Properties user = new Properties();
        user.setProperty("user", given.get(1));
        user.setProperty("password", given.get(2));
        try (Connection connection = DriverManager.getConnection(given.get(0), user)) {
            System.out.println("product\t" + connection.getMetaData().getDatabaseProductName());
            try (ResultSet tables = connection.getMetaData().getTables(null, connection.getSchema(), "%", null)) {
                while (tables.next()) {
                    System.out.println("table\t" + tables.getString("TABLE_NAME"));
                }
            }
            try (PreparedStatement query = connection.prepareStatement(given.get(3))) {
                for (int i = 5; i < end; i++) {
                    query.setObject(i - 4, given.get(i));
                }
                try (ResultSet rows = query.executeQuery()) {
                    int columns = rows.getMetaData().getColumnCount();
                    while (rows.next()) {
                        StringBuilder row = new StringBuilder("row");
                        for (int column = 1; column <= columns; column++) {
                            row.append('\t').append(rows.getString(column));
                        }
                        System.out.println(row);
                    }
                }
            }
            long count = 0;
            try (Statement query = connection.createStatement(); ResultSet rows = query.executeQuery(given.get(4))) {
                while (rows.next()) {
                    count++;
                }
            }
            System.out.println("streamed\t" + count);
            for (String refused : given.subList(end + 1, given.size())) {
                try (Statement statement = connection.createStatement()) {
                    statement.execute(refused);
                    System.out.println("code\t");
                } catch (SQLException error) {
                    System.out.println("code\t" + error.getErrorCode());
                }
            }
        }
    }
}
