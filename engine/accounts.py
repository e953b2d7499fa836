"""Who may sign up. Accounts come from an administrator or the identity provider, unless sign-up is opened."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.contrib.auth.models import Group
from django.http import HttpRequest

from engine.workforce.models import User


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no stubs
    """Closes self-service sign-up unless `LATHE_OPEN_SIGNUP` is set."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.LATHE_OPEN_SIGNUP)


class IdentityProviderAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth has no stubs
    """Whom the identity provider lets in has an account here: made at the first sign-in, with the configured roles."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return True

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> User:
        user: User = super().save_user(request, sociallogin, form)
        user.groups.add(*(Group.objects.get_or_create(name=role)[0] for role in settings.LATHE_OIDC_ROLES))
        return user
