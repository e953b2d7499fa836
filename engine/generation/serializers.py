"""Requests, runs and candidates as ML engineers read them. Annotators never see any of it."""

from rest_framework import serializers

from engine.generation.models import Candidate, GenerationRequest, GenerationRun


class CandidateSerializer(serializers.ModelSerializer[Candidate]):
    """One proposed shape. `mesh` and `latent` are digests of blobs."""

    mesh = serializers.CharField(source="mesh_id")
    latent = serializers.CharField(source="latent_id", allow_null=True)

    class Meta:
        model = Candidate
        fields = (
            "id",
            "seed",
            "model_version_id",
            "mesh",
            "latent",
            "vertex_count",
            "face_count",
            "watertight",
            "parameters",
        )


class RunSerializer(serializers.ModelSerializer[GenerationRun]):
    """One generator's share of a request."""

    candidates = CandidateSerializer(many=True)

    class Meta:
        model = GenerationRun
        fields = (
            "id",
            "generator",
            "status",
            "attempt",
            "seeds",
            "error",
            "duration_ms",
            "worker",
            "ended_at",
            "candidates",
        )


class RequestSerializer(serializers.ModelSerializer[GenerationRequest]):
    """One round for one target."""

    iteration = serializers.IntegerField(source="collection.iteration")
    runs = RunSerializer(many=True)

    class Meta:
        model = GenerationRequest
        fields = ("id", "target", "iteration", "modality", "round", "status", "created_at", "closed_at", "runs")


class RequestFilterSerializer(serializers.Serializer[None]):
    """What to list."""

    target = serializers.UUIDField(required=False, source="target_id")
    status = serializers.ChoiceField(choices=GenerationRequest.Status.choices, required=False)
