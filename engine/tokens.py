"""Tokens of the REST API, for scripts and scripted annotators."""

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework.authtoken.serializers import AuthTokenSerializer
from rest_framework.authtoken.views import ObtainAuthToken
from rest_framework.fields import CharField
from rest_framework.throttling import AnonRateThrottle


class SignInRate(AnonRateThrottle):
    """Slows the guessing of passwords; the rate is `LATHE_SIGN_IN_RATE`."""

    scope = "sign_in"


@extend_schema(
    auth=[],
    request={"application/json": AuthTokenSerializer},
    responses={200: inline_serializer("ApiToken", {"token": CharField()})},
)
class ObtainToken(ObtainAuthToken):
    """A token for scripts, from a username and password: send it as `Authorization: Token …`."""

    throttle_classes = [SignInRate]
