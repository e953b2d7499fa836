"""A freeze and an export stream: memory does not grow with the data."""

import tracemalloc
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from engine.datasets.judgements import Scope, walk
from engine.datasets.models import Shard
from engine.datasets.options import FreezeOptions
from engine.datasets.services import export_snapshot
from tests import factories as make
from tests.integration.datasets.conftest import freeze_now, make_real_candidate, make_real_request

MIB = 2**20


@pytest.mark.django_db
def test_sixty_megabytes_pass_through_a_few(collection, tmp_path) -> None:
    for _ in range(15):
        request = make_real_request(collection=collection)
        candidates = [make_real_candidate(request, "sam3d", size_bytes=2 * MIB) for _ in range(2)]
        make.make_rated_selection(request=request, candidates=candidates)

    tracemalloc.start()
    snapshot = freeze_now(options=FreezeOptions(shard_bytes=16 * MIB))
    list(export_snapshot(iteration=1, to=tmp_path))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    shards = snapshot.shards.filter(kind=Shard.Kind.EXAMPLES).select_related("blob")
    assert sum(shard.blob.size_bytes for shard in shards) > 60 * MIB
    assert shards.count() == 4
    assert peak_bytes < 8 * MIB


@pytest.mark.django_db
def test_the_walk_asks_as_often_for_nine_judgements_as_for_three(judge) -> None:
    scope = Scope(iteration=1, alpha=0.5, cutoff_at=timezone.now() + timedelta(hours=1), options=FreezeOptions())
    for more in (3, 6):
        for _ in range(more):
            judge("sam3d", "sam3d", "retrieval")
        with CaptureQueriesContext(connection) as queries:
            judgements = list(walk(scope))
        if more == 3:
            once = len(queries)
    assert len(judgements) == 9
    assert len(queries) == once <= 10
