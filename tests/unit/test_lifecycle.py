"""The table of the life of an example: reachable, without dead ends, and naming only services that exist."""

import pytest

from engine.embedded.places import CHECKOUT
from engine.lifecycle import AT_REST, MOVES, ON_ENTRY, ON_MOVE, ByTheCaller, ByTheWorker, InTheMove, Move, State

# Figure 5 of the paper and section 5 of the design, written down a second time: every arrow, and no other.
ARROWS = {
    (State.PROPOSED, Move.VERIFY): State.READY,
    (State.PROPOSED, Move.DISCARD): State.DISCARDED,
    (State.READY, Move.REQUEST): State.GENERATING,
    (State.GENERATING, Move.ENOUGH_CANDIDATES): State.SELECTING,
    (State.GENERATING, Move.NO_CANDIDATES): State.SEARCHING,
    (State.SELECTING, Move.ACCEPT): State.ALIGNING,
    (State.SELECTING, Move.REJECT): State.SEARCHING,
    (State.SEARCHING, Move.WIDEN): State.GENERATING,
    (State.SEARCHING, Move.EXHAUST): State.TRIAGE,
    (State.TRIAGE, Move.CHOOSE): State.WITH_ARTIST,
    (State.TRIAGE, Move.SHELVE): State.SHELVED,
    (State.WITH_ARTIST, Move.DECLINE): State.TRIAGE,
    (State.WITH_ARTIST, Move.ARTIST_MESH): State.ALIGNING,
    (State.WITH_ARTIST, Move.ARTIST_POSED): State.DONE,
    (State.ALIGNING, Move.POSE): State.DONE,
    (State.ALIGNING, Move.BAD_MESH): State.SEARCHING,
    (State.ALIGNING, Move.BAD_POINTS): State.DONE_UNPOSED,
    (State.SHELVED, Move.REVISIT): State.READY,
    (State.DONE, Move.REVISIT): State.READY,
    (State.DONE_UNPOSED, Move.REVISIT): State.READY,
    (State.DONE, Move.TEXTURE): State.GENERATING,
    (State.GENERATING, Move.NO_TEXTURES): State.DONE,
    (State.SELECTING, Move.ACCEPT_TEXTURE): State.DONE,
    (State.SELECTING, Move.REJECT_TEXTURE): State.DONE,
    # What a reviewer sends back (docs/adr/0012-judgements-that-are-sent-back.md)
    (State.READY, Move.MASK_AGAIN): State.PROPOSED,
    (State.SELECTING, Move.MASK_AGAIN): State.PROPOSED,
    (State.ALIGNING, Move.MASK_AGAIN): State.PROPOSED,
    (State.DONE, Move.MASK_AGAIN): State.PROPOSED,
    (State.DONE_UNPOSED, Move.MASK_AGAIN): State.PROPOSED,
    (State.SHELVED, Move.MASK_AGAIN): State.PROPOSED,
    (State.DISCARDED, Move.MASK_AGAIN): State.PROPOSED,
    (State.ALIGNING, Move.SELECT_AGAIN): State.SELECTING,
    (State.DONE, Move.SELECT_AGAIN): State.SELECTING,
    (State.DONE_UNPOSED, Move.SELECT_AGAIN): State.SELECTING,
    (State.SHELVED, Move.SELECT_AGAIN): State.SELECTING,
    (State.DONE, Move.POSE_AGAIN): State.ALIGNING,
    (State.DONE_UNPOSED, Move.POSE_AGAIN): State.ALIGNING,
}


@pytest.mark.parametrize("move", Move)
@pytest.mark.parametrize("state", State)
def test_a_move_is_legal_exactly_where_the_paper_draws_an_arrow(state: State, move: Move) -> None:
    sources, destination = MOVES[move]
    assert (destination if state in sources else None) == ARROWS.get((state, move))


@pytest.mark.parametrize("state", State)
def test_every_state_can_be_reached_from_a_proposal(state: State) -> None:
    reached = {State.PROPOSED}
    while new := {to for (start, _), to in ARROWS.items() if start in reached} - reached:
        reached |= new
    assert state in reached


@pytest.mark.parametrize("state", State)
def test_no_target_is_at_an_end_for_ever(state: State) -> None:
    assert any(start == state for start, _ in ARROWS)


@pytest.mark.parametrize("state", State)
def test_somebody_acts_on_every_state_that_is_not_at_rest(state: State) -> None:
    # A proposal waits for people only: its mask task is opened where it is registered. What is done may get a texture.
    assert (state in ON_ENTRY) == (state not in AT_REST - {State.DONE} | {State.PROPOSED})


@pytest.mark.parametrize(
    "entry", [entry for entry in (*ON_ENTRY.values(), *ON_MOVE.values()) if not isinstance(entry, ByTheCaller)], ids=str
)
def test_what_follows_stands_in_its_room(entry: InTheMove | ByTheWorker) -> None:
    path = entry.service if isinstance(entry, InTheMove) else entry.task
    module, name = path.rsplit(".", 1)
    assert (CHECKOUT / f"{module.replace('.', '/')}.py").exists()
    assert name.isidentifier()
    assert module.endswith(".tasks") == isinstance(entry, ByTheWorker)


def test_a_new_judgement_is_there_at_once_unless_machines_have_something_to_do_first() -> None:
    by_the_worker = {state for state, entry in ON_ENTRY.items() if isinstance(entry, ByTheWorker)}
    assert by_the_worker == {State.SEARCHING, State.ALIGNING, State.DONE}


def test_only_textures_and_what_was_sent_back_open_something_else_than_their_state_does() -> None:
    assert set(ON_MOVE) == {Move.TEXTURE, Move.SELECT_AGAIN, Move.POSE_AGAIN}
