"""The guestbook: who follows a hub knows what clients asked of the one before."""

from fake_engine import FakeEngine
from hand_time import HandTime, KeptMessages

from bridge.access import Right
from bridge.clients import Clients
from bridge.feedback import Feedback
from bridge.guestbook import Guestbook
from bridge.routes import PUSHES, ROUTES
from bridge.tree import AddressTree

SOURCE = ("127.0.0.1", 9000)


def hub(engine):
    time = HandTime(now=0.0)
    clients = Clients(time.now)
    feedback = Feedback(
        engine, AddressTree(ROUTES), PUSHES, clients, call_later=time.call_later, now=time.now
    )  # fmt: skip
    return clients, Guestbook(engine, clients, feedback)


def test_all_that_a_client_asked_for_is_known_again():
    engine, wire = FakeEngine(), KeptMessages()
    clients, book = hub(engine)
    book.recall([wire])
    client = clients.heard(SOURCE, wire)
    client.redirect(9100, "127.0.0.2")
    client.acknowledged, client.bundled, client.right = True, False, Right.VIEW
    clients.subscribe(client, "/strip/*/gain", 0.5, 30.0)
    book.write(client)

    clients, book = hub(engine)
    book.recall([wire])
    (known,) = clients
    assert known.source == SOURCE
    assert known.address == ("127.0.0.2", 9100)
    assert (known.acknowledged, known.bundled, known.right) == (True, False, Right.VIEW)
    (subscription,) = known.subscriptions.values()
    assert (subscription.pattern, subscription.interval_seconds, subscription.lease_seconds) == (
        "/strip/*/gain",
        0.5,
        30.0,
    )


def test_the_job_numbers_go_on_and_their_owners_hear_of_them():
    engine, wire = FakeEngine(), KeptMessages()
    clients, book = hub(engine)
    book.recall([wire])
    book.own("7", clients.heard(SOURCE, wire), "render")
    book.own("8", clients.heard(SOURCE, wire), "say")
    book.own("8", None, "")

    clients, book = hub(engine)
    assert book.recall([wire]) == 7
    assert [client.source for client in clients] == [SOURCE]


def test_who_is_not_on_a_lasting_transport_is_not_kept():
    engine, wire = FakeEngine(), KeptMessages()
    clients, book = hub(engine)
    book.recall([])
    book.write(clients.heard(SOURCE, wire))
    book.own("1", clients.heard(SOURCE, wire), "say")
    assert engine.notes == {}


def test_a_job_of_which_nobody_knows_any_more_is_told_lost():
    engine, wire = FakeEngine(), KeptMessages()
    clients, book = hub(engine)
    book.recall([wire])
    book.own("9", clients.heard(SOURCE, wire), "export")

    clients, book = hub(engine)
    assert book.recall([wire]) == 9
    ((address, verb, job, code, _),) = wire.take(SOURCE[1])
    assert (address, verb, job, code) == ("/fail", "/export", 9, "lost")
    assert engine.notes == {}
