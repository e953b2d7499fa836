"""The life of an example: every state, every legal move, and what comes next (paper Figure 5).

This table is the only place that knows the order of the rooms. `sourcing.services.move_target` is the only writer of a
target's state; what follows a move is named in ON_ENTRY, so handing over is one hop: either in the transaction of the
move, or soon after by the engine's worker.
"""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class State(StrEnum):
    """Where a target object is."""

    PROPOSED = "proposed"
    READY = "ready"
    GENERATING = "generating"
    SELECTING = "selecting"
    SEARCHING = "searching"
    TRIAGE = "triage"
    WITH_ARTIST = "with_artist"
    ALIGNING = "aligning"
    DONE = "done"
    DONE_UNPOSED = "done_unposed"
    SHELVED = "shelved"
    DISCARDED = "discarded"


class Move(StrEnum):
    """What can happen to a target object."""

    VERIFY = "verify"  # a person confirmed or refined the mask
    DISCARD = "discard"  # not a clearly indexable single object
    REQUEST = "request"  # an open collection asks for candidates
    ENOUGH_CANDIDATES = "enough_candidates"
    NO_CANDIDATES = "no_candidates"  # every generator failed: a recorded fact, never a stuck target
    ACCEPT = "accept"  # rating r ≥ α
    REJECT = "reject"  # rating r < α
    WIDEN = "widen"  # fresh seeds, wider N
    EXHAUST = "exhaust"  # rounds used up
    CHOOSE = "choose"  # worth an artist's time
    SHELVE = "shelve"  # duplicate of another hard case, or not worth it
    DECLINE = "decline"  # the artist gives the job back
    ARTIST_MESH = "artist_mesh"  # accepted, to be posed
    ARTIST_POSED = "artist_posed"  # accepted, posed by the artist
    POSE = "pose"
    BAD_MESH = "bad_mesh"  # not alignable: the mesh
    BAD_POINTS = "bad_points"  # not alignable: the points
    REVISIT = "revisit"  # a later collection asks again with a better checkpoint
    TEXTURE = "texture"  # the second time through: an open collection wants textures for the shape that was posed
    NO_TEXTURES = "no_textures"  # too few to compare: the shape stays as it is
    ACCEPT_TEXTURE = "accept_texture"  # rating r ≥ α
    REJECT_TEXTURE = "reject_texture"  # rating r < α
    MASK_AGAIN = "mask_again"  # a reviewer sent the Stage 1 judgement back
    SELECT_AGAIN = "select_again"  # a reviewer sent the Stage 2 judgement back
    POSE_AGAIN = "pose_again"  # a reviewer sent the Stage 3 judgement back


MOVES: MappingProxyType[Move, tuple[frozenset[State], State]] = MappingProxyType(
    {
        Move.VERIFY: (frozenset({State.PROPOSED}), State.READY),
        Move.DISCARD: (frozenset({State.PROPOSED}), State.DISCARDED),
        Move.REQUEST: (frozenset({State.READY}), State.GENERATING),
        Move.ENOUGH_CANDIDATES: (frozenset({State.GENERATING}), State.SELECTING),
        Move.NO_CANDIDATES: (frozenset({State.GENERATING}), State.SEARCHING),
        Move.ACCEPT: (frozenset({State.SELECTING}), State.ALIGNING),
        Move.REJECT: (frozenset({State.SELECTING}), State.SEARCHING),
        Move.WIDEN: (frozenset({State.SEARCHING}), State.GENERATING),
        Move.EXHAUST: (frozenset({State.SEARCHING}), State.TRIAGE),
        Move.CHOOSE: (frozenset({State.TRIAGE}), State.WITH_ARTIST),
        Move.SHELVE: (frozenset({State.TRIAGE}), State.SHELVED),
        Move.DECLINE: (frozenset({State.WITH_ARTIST}), State.TRIAGE),
        Move.ARTIST_MESH: (frozenset({State.WITH_ARTIST}), State.ALIGNING),
        Move.ARTIST_POSED: (frozenset({State.WITH_ARTIST}), State.DONE),
        Move.POSE: (frozenset({State.ALIGNING}), State.DONE),
        Move.BAD_MESH: (frozenset({State.ALIGNING}), State.SEARCHING),
        Move.BAD_POINTS: (frozenset({State.ALIGNING}), State.DONE_UNPOSED),
        Move.REVISIT: (frozenset({State.SHELVED, State.DONE, State.DONE_UNPOSED}), State.READY),
        Move.TEXTURE: (frozenset({State.DONE}), State.GENERATING),
        Move.NO_TEXTURES: (frozenset({State.GENERATING}), State.DONE),
        Move.ACCEPT_TEXTURE: (frozenset({State.SELECTING}), State.DONE),
        Move.REJECT_TEXTURE: (frozenset({State.SELECTING}), State.DONE),
        # Back from where people work or nobody does; never from under machines, triage or an artist.
        Move.MASK_AGAIN: (
            frozenset(
                {
                    State.READY,
                    State.SELECTING,
                    State.ALIGNING,
                    State.DONE,
                    State.DONE_UNPOSED,
                    State.SHELVED,
                    State.DISCARDED,
                }
            ),
            State.PROPOSED,
        ),
        Move.SELECT_AGAIN: (
            frozenset({State.ALIGNING, State.DONE, State.DONE_UNPOSED, State.SHELVED}),
            State.SELECTING,
        ),
        Move.POSE_AGAIN: (frozenset({State.DONE, State.DONE_UNPOSED}), State.ALIGNING),
    }
)


@dataclass(frozen=True)
class InTheMove:
    """The next person's work exists the moment the target arrives: called as f(target_id=…) in the move's transaction.

    A failure undoes the move.
    """

    service: str


@dataclass(frozen=True)
class ByTheWorker:
    """Machines' business that nobody's request waits for. The state itself is the outbox.

    The task looks for targets in this state. It is sent once the move is committed, and by the timetable as well.
    """

    task: str


@dataclass(frozen=True)
class ByTheCaller:
    """Whoever makes the move opens the next person's work in the same transaction."""


# What the engine does when a target arrives.
ON_ENTRY: MappingProxyType[State, InTheMove | ByTheWorker] = MappingProxyType(
    {
        State.GENERATING: InTheMove("engine.generation.services.open_request"),
        State.SELECTING: InTheMove("engine.selection.services.open_selection"),
        State.SEARCHING: ByTheWorker("engine.generation.tasks.continue_searches"),
        State.TRIAGE: InTheMove("engine.artistry.services.open_triage"),
        State.WITH_ARTIST: InTheMove("engine.artistry.services.open_artist_job"),
        State.ALIGNING: ByTheWorker("engine.alignment.tasks.open_alignments"),
        State.DONE: ByTheWorker("engine.alignment.tasks.ask_for_textures"),
    }
)

# Where the way in decides what is done, and not the state alone.
ON_MOVE: MappingProxyType[Move, InTheMove | ByTheCaller] = MappingProxyType(
    {
        Move.TEXTURE: InTheMove("engine.alignment.texturing.open_texture_request"),
        Move.SELECT_AGAIN: ByTheCaller(),  # about the same candidates, for a certain person
        Move.POSE_AGAIN: ByTheCaller(),
    }
)

# Which room asks for a stage's judgement a second time, compares two of them, and takes one back: a
# `workforce.second_look.SecondLook`. What artists make is looked at in their own room.
SECOND_LOOKS: MappingProxyType[str, str] = MappingProxyType(
    {
        "mask": "engine.sourcing.second_look.SECOND_LOOK",
        "selection": "engine.selection.second_look.SECOND_LOOK",
        "alignment": "engine.alignment.second_look.SECOND_LOOK",
    }
)

# States in which nothing more is wanted of people or machines in the current collection (but textures, of some).
AT_REST = frozenset({State.READY, State.DONE, State.DONE_UNPOSED, State.SHELVED, State.DISCARDED})
