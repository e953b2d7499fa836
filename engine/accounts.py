"""Who may sign up. Accounts come from an administrator or the identity provider, unless sign-up is opened."""

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no stubs
    """Closes self-service sign-up unless `LATHE_OPEN_SIGNUP` is set."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.LATHE_OPEN_SIGNUP)
