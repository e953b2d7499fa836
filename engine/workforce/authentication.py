"""Signing in. A person is read together with their roles, so that checking a role asks the database nothing."""

from django.contrib.auth.backends import ModelBackend
from rest_framework import authentication
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed

from engine.workforce.models import User


class PeopleBackend(ModelBackend):
    """Django's user and password check; the person of a session comes with roles."""

    def get_user(self, user_id: int) -> User | None:
        user = User.objects.with_roles().filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None


class TokenAuthentication(authentication.TokenAuthentication):
    """`Authorization: Token …`, in one query."""

    def authenticate_credentials(self, key: str) -> tuple[User, Token]:
        user = User.objects.with_roles().filter(auth_token__key=key).first()
        if user is None:
            raise AuthenticationFailed("This token is not known. Get a new one from /api/v1/auth/token/.")
        if not user.is_active:
            raise AuthenticationFailed("This account is switched off. Ask an administrator.")
        return user, Token(key=key, user=user)
