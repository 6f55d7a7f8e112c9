// Reads a topic with Kafka's own client, and says where keys belong.
//   java -cp 'target/lib/*' Read.java SERVERS TOPIC RECORDS PARTITIONS KEY…
// prints "record PARTITION OFFSET FORMAT TIMESTAMP BASE64" for each record and "key PARTITION" for each key.

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

public class Read {
    public static void main(String[] arguments) {
        String topic = arguments[1];
        int left = Integer.parseInt(arguments[2]);
        int partitions = Integer.parseInt(arguments[3]);
        for (int at = 4; at < arguments.length; at++) {
            CRC32 crc = new CRC32();
            crc.update(arguments[at].getBytes(StandardCharsets.UTF_8));
            System.out.println("key " + crc.getValue() % partitions);
        }
        Map<String, Object> settings = Map.of(
            "bootstrap.servers", arguments[0], "auto.offset.reset", "earliest", "enable.auto.commit", false);
        var bytes = new ByteArrayDeserializer();
        try (var consumer = new KafkaConsumer<byte[], byte[]>(settings, bytes, bytes)) {
            List<TopicPartition> all =
                consumer.partitionsFor(topic).stream().map(one -> new TopicPartition(topic, one.partition())).toList();
            consumer.assign(all);
            consumer.seekToBeginning(all);
            while (left > 0) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(1))) {
                    String format = new String(record.headers().lastHeader("tappa-format").value());
                    String frame = Base64.getEncoder().encodeToString(record.value());
                    System.out.println(String.join(" ", "record", "" + record.partition(), "" + record.offset(),
                        format, "" + record.timestamp(), frame));
                    left--;
                }
            }
        }
    }
}
