"""Contract of the outbox: order, replacement, deferral, one sender, the pause and the wake-up."""

from __future__ import annotations

from tests.store.conftest import Memory


def message(id: str, text: object = "") -> dict:
    return {"id": id, "type": "job.progress", "data": {"text": text}}


def ids(memory: Memory, lane: str = "deliver", limit: int = 100) -> list[str]:
    return [m["id"] for m in memory.outbox.ready(lane, limit=limit)]


def test_messages_go_in_the_order_of_their_arrival_also_within_one_instant(memory: Memory) -> None:
    memory.outbox.put("deliver", [message("z"), message("a")])
    memory.outbox.put("deliver", [message("m")])
    assert ids(memory) == ["z", "a", "m"]


def test_a_clock_that_is_behind_does_not_change_the_order(memory: Memory) -> None:
    memory.outbox.put("deliver", [message("first")])
    memory.clock.advance(-60)
    memory.outbox.put("deliver", [message("second")])
    assert ids(memory) == ["first", "second"]


def test_messages_stay_until_they_are_done(memory: Memory) -> None:
    memory.outbox.put("deliver", [message("a"), message("b")])
    assert ids(memory) == ids(memory) == ["a", "b"]
    memory.outbox.done("deliver", [message("a")])
    assert ids(memory) == ["b"]
    assert memory.outbox.waiting("deliver") == 1


def test_a_message_comes_back_as_it_was_put(memory: Memory) -> None:
    odd = message("ä☀", {"n": 1.5, "none": None, "text": 'quote " and \\ and \n', "list": [1, True]})
    memory.outbox.put("deliver", [odd])
    assert memory.outbox.ready("deliver", limit=1) == [odd]
    memory.outbox.done("deliver", memory.outbox.ready("deliver", limit=1))
    assert memory.outbox.waiting("deliver") == 0


def test_lanes_do_not_mix(memory: Memory) -> None:
    memory.outbox.put("deliver", [message("a")])
    memory.outbox.put("settle", [message("a")])
    memory.outbox.done("deliver", [message("a")])
    assert ids(memory, "deliver") == []
    assert ids(memory, "settle") == ["a"]


def test_no_more_are_given_out_than_asked_for(memory: Memory) -> None:
    memory.outbox.put("deliver", [message(f"{n}") for n in range(12)])
    assert ids(memory, limit=5) == ["0", "1", "2", "3", "4"]


def test_the_same_id_gets_the_new_body_and_keeps_its_place(memory: Memory) -> None:
    memory.outbox.put("deliver", [message("a", "old"), message("b")])
    memory.outbox.put("deliver", [message("a", "new")])
    assert memory.outbox.ready("deliver", limit=9) == [message("a", "new"), message("b")]


def test_a_message_that_was_replaced_while_it_was_sent_stays(memory: Memory) -> None:
    memory.outbox.put("deliver", [message("a", "old")])
    sent = memory.outbox.ready("deliver", limit=9)
    memory.outbox.put("deliver", [message("a", "new")])
    memory.outbox.done("deliver", sent)
    assert memory.outbox.ready("deliver", limit=9) == [message("a", "new")]


def test_a_dropped_message_is_gone_whatever_it_says(memory: Memory) -> None:
    memory.outbox.put("settle", [message("a", "one")])
    memory.outbox.drop("settle", ["a", "unknown"])
    assert memory.outbox.waiting("settle") == 0


def test_a_deferred_message_lets_the_others_pass(memory: Memory) -> None:
    memory.outbox.put("deliver", [message("a"), message("b"), message("c")])
    memory.outbox.defer("deliver", ["b"], until=memory.clock() + 10)
    assert ids(memory) == ["a", "c"]
    memory.let_pass(10)
    assert ids(memory) == ["a", "b", "c"], "and is back in its place"


def test_many_deferred_messages_do_not_block_a_lane(memory: Memory) -> None:
    memory.outbox.put("deliver", [message(f"{n}") for n in range(30)])
    memory.outbox.defer("deliver", [f"{n}" for n in range(28)], until=memory.clock() + 10)
    assert ids(memory, limit=5) == ["28", "29"]


def test_putting_a_deferred_message_again_does_not_hurry_it(memory: Memory) -> None:
    memory.outbox.put("deliver", [message("a")])
    memory.outbox.defer("deliver", ["a"], until=memory.clock() + 10)
    memory.outbox.put("deliver", [message("a", "new")])
    assert ids(memory) == []


def test_news_goes_along_with_others_and_alone_when_it_has_waited(memory: Memory) -> None:
    memory.outbox.put("deliver", [message("news")], along_s=5)
    assert ids(memory) == []
    assert memory.outbox.next_at("deliver") == memory.clock() + 5
    memory.outbox.put("deliver", [message("a")])
    assert ids(memory) == ["news", "a"], "in the order of their arrival"
    memory.outbox.done("deliver", [message("a")])
    assert ids(memory) == []
    memory.let_pass(5)
    assert memory.outbox.next_at("deliver") <= memory.clock()
    assert ids(memory) == ["news"]
    memory.outbox.done("deliver", [message("news")])
    memory.outbox.put("deliver", [message("news")])
    assert ids(memory) == ["news"], "what it once was does not cling to its id"


def test_news_that_is_deferred_waits_like_any_message(memory: Memory) -> None:
    memory.outbox.put("deliver", [message("news")], along_s=5)
    memory.outbox.defer("deliver", ["news"], until=memory.clock() + 10)
    memory.outbox.put("deliver", [message("a")])
    assert ids(memory) == ["a"]
    memory.outbox.done("deliver", [message("a")])
    memory.let_pass(10)
    assert ids(memory) == ["news"]


def test_deferring_what_is_not_there_does_nothing(memory: Memory) -> None:
    memory.outbox.defer("deliver", ["a"], until=memory.clock() + 10)
    memory.outbox.put("deliver", [message("a")])
    assert ids(memory) == ["a"]


def test_a_message_that_was_done_and_comes_again_is_not_deferred_any_more(memory: Memory) -> None:
    memory.outbox.put("deliver", [message("a")])
    memory.outbox.defer("deliver", ["a"], until=memory.clock() + 10)
    memory.outbox.done("deliver", [message("a")])
    memory.outbox.put("deliver", [message("a")])
    assert ids(memory) == ["a"]


def test_the_lane_says_when_its_next_message_may_go(memory: Memory) -> None:
    assert memory.outbox.next_at("deliver") is None
    memory.outbox.put("deliver", [message("a"), message("b")])
    assert memory.outbox.next_at("deliver") <= memory.clock()
    memory.outbox.defer("deliver", ["a"], until=memory.clock() + 10)
    assert memory.outbox.next_at("deliver") <= memory.clock()
    memory.outbox.defer("deliver", ["b"], until=memory.clock() + 20)
    assert memory.outbox.next_at("deliver") == memory.clock() + 10
    memory.let_pass(11)
    assert memory.outbox.next_at("deliver") <= memory.clock()


def test_a_lane_has_one_sender(memory: Memory) -> None:
    token = memory.outbox.lock("deliver")
    assert token and memory.outbox.lock("deliver") is None
    assert memory.outbox.lock("settle")
    memory.outbox.unlock("deliver", token)
    assert memory.outbox.lock("deliver")


def test_who_finds_a_sender_leaves_to_him_what_comes_meanwhile(memory: Memory) -> None:
    token = memory.outbox.lock("deliver")
    memory.outbox.begin_flush("deliver")
    memory.outbox.put("deliver", [message("a")])
    memory.outbox.leave_to_sender("deliver")
    memory.outbox.put("deliver", [message("b")])
    assert memory.notified == ["deliver"], "once is enough"
    assert memory.outbox.unlock("deliver", token), "the sender hears that somebody was called"


def test_a_sender_whom_nobody_has_called_meanwhile_leaves(memory: Memory) -> None:
    token = memory.outbox.lock("deliver")
    memory.outbox.begin_flush("deliver")
    assert not memory.outbox.unlock("deliver", token)


def test_nobody_is_called_to_a_lane_that_the_sender_has_paused(memory: Memory) -> None:
    token = memory.outbox.lock("deliver")
    memory.outbox.put("deliver", [message("a")])
    memory.outbox.pause("deliver", seconds=30)
    assert not memory.outbox.unlock("deliver", token)


def test_a_sender_who_has_died_is_missed_within_seconds(memory: Memory) -> None:
    memory.outbox.lock("deliver")
    memory.outbox.put("deliver", [message("a")])
    memory.outbox.leave_to_sender("deliver")
    memory.let_pass(3)
    memory.outbox.wake_up("deliver")
    assert memory.notified == ["deliver", "deliver"]


def test_a_sender_that_shows_no_life_loses_its_lane(memory: Memory) -> None:
    token = memory.outbox.lock("deliver")
    memory.let_pass(8)
    assert memory.outbox.renew_lock("deliver", token)
    memory.let_pass(8)
    assert memory.outbox.lock("deliver") is None
    memory.let_pass(8)
    second = memory.outbox.lock("deliver")
    assert second
    assert not memory.outbox.renew_lock("deliver", token)
    memory.outbox.unlock("deliver", token)
    assert memory.outbox.lock("deliver") is None, "the old holder can't open the new one's lock"


def test_failures_are_counted_until_one_succeeds(memory: Memory) -> None:
    assert [memory.outbox.count_failure("deliver") for _ in range(3)] == [1, 2, 3]
    assert memory.outbox.failures("deliver") == 3
    memory.outbox.clear_failures("deliver")
    assert memory.outbox.failures("deliver") == 0


def test_that_the_shop_is_away_is_known_since_its_beginning_until_it_is_reached(memory: Memory) -> None:
    assert memory.outbox.away() is None
    began = memory.clock()
    memory.outbox.note_away("shop_unavailable", "answered 502")
    memory.clock.advance(60)
    memory.outbox.note_away("shop_walled", "answered 403")
    assert memory.outbox.away() == {"reason": "shop_walled", "detail": "answered 403", "since": began}
    memory.outbox.note_reached()
    assert memory.outbox.away() is None
    memory.outbox.note_away("shop_walled", "answered 403")
    memory.outbox.clear_failures("deliver")
    assert memory.outbox.away() is None


def test_a_pause_ends_by_itself(memory: Memory) -> None:
    memory.outbox.pause("deliver", seconds=30)
    memory.outbox.wake_up("deliver")
    memory.outbox.wake_up("settle")
    assert memory.notified == ["settle"], "nobody is woken for a lane that waits"
    memory.let_pass(31)
    memory.outbox.wake_up("deliver")
    assert memory.notified == ["settle", "deliver"]


def test_one_wake_up_is_enough_until_the_flush_begins(memory: Memory) -> None:
    for number in range(3):
        memory.outbox.put("deliver", [message(f"m{number}")])
    memory.outbox.wake_up("deliver")
    assert memory.notified == ["deliver"]
    memory.outbox.begin_flush("deliver")
    memory.outbox.put("deliver", [message("m3")])
    assert memory.notified == ["deliver", "deliver"]


def test_each_lane_has_its_own_sender(memory: Memory) -> None:
    memory.outbox.put("deliver", [message("m1")])
    memory.outbox.put("settle", [message("m2")])
    assert memory.notified == ["deliver", "settle"]


def test_nobody_is_notified_for_no_message(memory: Memory) -> None:
    memory.outbox.put("deliver", [])
    assert memory.notified == []


def test_nobody_is_notified_to_a_lane_that_is_paused(memory: Memory) -> None:
    memory.outbox.pause("deliver", seconds=30)
    memory.outbox.put("deliver", [message("m1")])
    memory.outbox.wake_up("deliver")
    assert memory.notified == []
    memory.let_pass(31)
    memory.outbox.wake_up("deliver")
    assert memory.notified == ["deliver"]


def test_a_wake_up_that_was_lost_is_repeated(memory: Memory) -> None:
    memory.outbox.put("deliver", [message("m1")])
    memory.let_pass(11)
    memory.outbox.wake_up("deliver")
    assert memory.notified == ["deliver", "deliver"]
