"""Records sorted out into facts, dead letters and customers."""

from __future__ import annotations

from stage_engine.touchpoint import place
from store.rejected import Refused
from stream.batch import Batch
from stream.batch import gather as gather_for
from stream.log.interface import Record
from stream.log.message import (
    Assigned,
    Changed,
    Message,
    Met,
    Rebuild,
    Refold,
    decode_frame,
    encode_frame,
    encode_message,
    partition_of,
)
from tests.stream.touchpoints import touchpoint


def gather(records: list[Record]) -> Batch:
    return gather_for(records, "ours")


def record(*messages: Message, offset: int = 0, partition: int = 0, frame: bytes | None = None) -> Record:
    body = frame if frame is not None else encode_frame([encode_message(message) for message in messages])
    return Record(partition=partition, offset=offset, appended_at=0, count=max(1, len(messages)), frame=body)


def test_a_message_survives_the_frame() -> None:
    sent = touchpoint("m1", user="ada", contacts=("email:ada@example.com",), value=10_000)
    assert decode_frame(encode_frame([encode_message(sent)])) == [sent]


def test_copies_collapse_to_the_one_with_the_earlier_time_then_the_smaller_content() -> None:
    late = touchpoint("m1", at=5, original=5, user="ada")
    early = touchpoint("m1", at=3, original=5, user="ada")
    batch = gather([record(late, early, offset=4)])
    assert batch.touchpoints == list(map(place, [early]))
    assert batch.copies == 1
    assert batch.positions == {0: 5}


def test_a_message_id_used_again_at_another_time_is_another_touchpoint() -> None:
    batch = gather([record(touchpoint("m1", at=1, user="ada"), touchpoint("m1", at=2, user="ada"))])
    assert len(batch.touchpoints) == 2
    assert batch.copies == 0


def test_a_customers_touchpoints_come_in_total_order_whatever_their_arrival() -> None:
    batch = gather([record(touchpoint("b", at=2, user="ada")), record(touchpoint("a", at=2, user="ada"), offset=1)])
    assert [one.message_id for _, _, one in batch.homes["user:ada"]] == ["a", "b"]


def test_an_anonymous_receipt_is_a_fact_and_nobodys() -> None:
    receipt = touchpoint("r1", contacts=("receipt:rome/1/2026-11-01/7",))
    batch = gather([record(receipt)])
    assert batch.touchpoints == list(map(place, [receipt]))
    assert batch.links == []


def test_the_home_is_the_user_else_the_smallest_contact_else_the_device() -> None:
    contacts = ("loyalty_card:9", "email:a@b.it", "receipt:x")
    sent = [
        touchpoint("1", user="7", contacts=contacts, device="d"),
        touchpoint("1", contacts=contacts, device="d"),
        touchpoint("1", device="d"),
    ]
    batch = gather([record(*sent)])
    assert {home: placed[0][2] for home, placed in batch.homes.items()} == dict(
        zip(("user:7", "email:a@b.it", "device:d"), sent, strict=True)
    )
    assert [link.identifiers for link in batch.links] == [sent[1].identifiers, sent[0].identifiers]


def test_words_of_other_workers_are_sorted_out_and_those_for_another_database_passed_over() -> None:
    one, other = touchpoint("1", at=2, device="d"), touchpoint("2", at=1, device="d")
    words = [
        Assigned(database="ours", customer="user:ada", touchpoint=one),
        Assigned(database="ours", customer="user:ada", touchpoint=other),
        Assigned(database="ours", customer="user:ada", touchpoint=one),
        Assigned(database="theirs", customer="user:bob", touchpoint=one),
        Changed(database="ours", identifier="card:1"),
        Changed(database="theirs", identifier="card:2"),
        Refold(database="ours", customer="user:ada"),
        Met(database="ours", home="user:ada", device="device:d"),
        Rebuild(database="ours", generation=3),
        Rebuild(database="theirs", generation=4),
    ]
    batch = gather([record(*words), record(Rebuild(database="ours", generation=3), offset=1)])
    assert batch.assigned == {"user:ada": [place(other), place(one)]}
    assert batch.changed == {"card:1": 1}
    assert batch.refolds == {"user:ada"}
    assert batch.met == {("user:ada", "device:d")}
    assert batch.rebuilds == {(0, 3): 1}
    assert batch.touchpoints == []


def test_an_undecodable_frame_becomes_one_dead_letter_that_holds_it_whole() -> None:
    batch = gather([record(frame=b"\xc1 not a frame"), record(touchpoint("m1", user="ada"), offset=1)])
    assert [letter.code for letter in batch.refused] == ["undecodable_record"]
    assert batch.refused[0].body == b"\xc1 not a frame"
    assert [one.message_id for _, _, one in batch.touchpoints] == ["m1"]
    assert batch.poison == 1


def test_one_bad_message_in_a_frame_does_not_drag_the_others() -> None:
    good = touchpoint("m1", user="ada")
    frame = encode_frame([encode_message(good), b"\x93\xa1t\x01\x02"])
    batch = gather([record(frame=frame)])
    assert batch.touchpoints == list(map(place, [good]))
    assert [letter.code for letter in batch.refused] == ["undecodable_record"]


def test_dead_letters_of_ingest_pass_through() -> None:
    letter = Refused(rejected_id="1", source="web", received_at=1, code="missing_identifier", reason="…", body=b"{}")
    assert gather([record(letter)]).refused == [letter]


def test_taking_out_an_unwritable_touchpoint_leaves_the_others() -> None:
    bad, good = touchpoint("bad", user="ada"), touchpoint("good", user="bob")
    kept = gather([record(bad, good)]).without(list(map(place, [bad])))
    assert kept.touchpoints == list(map(place, [good]))
    assert set(kept.homes) == {"user:bob"}


def test_the_partition_of_an_identifier_is_its_crc32() -> None:
    assert partition_of("123456789", 1 << 32) == 0xCBF43926  # the check value of CRC-32/ISO-HDLC
    assert partition_of("user:42", 12) == 10
