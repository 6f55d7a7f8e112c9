"""What a CSV file of stores says."""

from __future__ import annotations

from datetime import date

import pytest

from store.listing import Listing
from tappa.directory_file import DirectoryFileError, Loaded, meant, read_directory_file


def read(text: str) -> Loaded:
    return read_directory_file(text.splitlines(keepends=True), id_bytes_max=20)


def reasons(text: str) -> list[tuple[int, str]]:
    return [(one.line, one.reason) for one in read(text).faults]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_columns_are_found_by_name_whatever_their_order_and_delimiter(delimiter: str) -> None:
    rows = [
        ("Opened on", "STORE_ID", "opening-hours", "country", "latitude", "longitude", "time_zone"),
        ("1923-05-01", " m1 ", "Mo-Sa 09-20", "it", "45.4626", "-9.1869", "Europe/Rome"),
    ]
    found = read("\n".join(delimiter.join(row) for row in rows))
    assert found.listings == {
        "m1": Listing(
            store_id="m1", opened_on=date(1923, 5, 1), opening_hours="Mo-Sa 09-20", country="IT", latitude=45.4626,
            longitude=-9.1869, time_zone="Europe/Rome",
        )
    }  # fmt: skip
    assert (found.faults, found.left_out) == ([], [])


def test_a_cell_may_have_delimiters_and_line_ends_and_empty_rows_are_none() -> None:
    found = read('store_id,opening_hours\nm1,"Mo, Tu\nSa"\n\n,\nm2,\n')
    assert {one.store_id: one.opening_hours for one in found.listings.values()} == {"m1": "Mo, Tu\nSa", "m2": ""}
    assert found.faults == []


def test_a_row_that_cannot_be_read_is_told_with_its_line_and_the_rest_goes_on() -> None:
    head = "store_id,country,time_zone,opened_on,closed_on,latitude,longitude\n"
    rows = [
        "m1,,,,,,",
        ",IT,,,,,",
        "m3,UK,,,,,",
        "m4,,Rome,,,,",
        "m5,,,01.03.2019,,,",
        "m6,,,2019-02-30,,,",
        "m7,,,2020-01-01,2019-12-31,,",
        'm8,,,,,"45,4",9',
        "m9,,,,,90.1,9",
        "m10,,,,,45.4,",
        "m1,,,,,,",
        "m11,IT",
        f"{'x' * 21},,,,,,",
        "m12,,,,,45.4,-180",
    ]
    found = reasons(head + "\n".join(rows))
    assert found == [
        (3, "store_id is empty"),
        (4, "country 'UK' is no code of ISO 3166: two letters, such as IT"),
        (5, "there is no time_zone 'Rome'; it is written like Europe/Rome"),
        (6, "'01.03.2019' is no day from 1900 on: it is written like 2019-03-01"),
        (7, "'2019-02-30' is no day from 1900 on: it is written like 2019-03-01"),
        (8, "closed_on 2019-12-31 is before opened_on 2020-01-01"),
        (9, "'45,4' are no degrees from -90 to 90, with a point for decimals"),
        (10, "'90.1' are no degrees from -90 to 90, with a point for decimals"),
        (11, "latitude and longitude belong together: one of them is empty"),
        (12, "line 2 has the store m1 already"),
        (13, "it has 2 cells, the first line 7"),
        (14, "store_id is longer than 20 bytes"),
    ]
    assert set(read(head + "\n".join(rows)).listings) == {"m1", "m12"}


def test_what_is_far_too_long_is_not_taken() -> None:
    assert reasons(f"store_id,name\nm1,{'x' * 1_001}\n") == [
        (2, "name is longer than 1,000 characters, or has a NUL in it")
    ]


def test_columns_that_the_directory_does_not_have_are_named() -> None:
    found = read("store_id,timezone,manager\nm1,Europe/Rome,Ann\n")
    assert found.left_out == ["timezone", "manager"]
    assert [meant(column) for column in found.left_out] == ["time_zone", ""]


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "names no column store_id"), ("id,name\n1,x\n", "names no column store_id"),
     ("store_id,name,Name\n", "names the column name twice")],
)  # fmt: skip
def test_a_file_without_a_fitting_first_line_is_none_of_stores(text: str, said: str) -> None:
    with pytest.raises(DirectoryFileError, match=said):
        read(text)
