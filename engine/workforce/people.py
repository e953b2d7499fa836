"""People: their logins, roles and keys."""

from collections.abc import Iterable, Mapping

from django.contrib.auth.models import Group
from django.db import transaction

from engine.workforce.models import Role, User

MOST_PAGES = 50  # whose keys are kept for one person


def create_person(*, username: str, password: str, roles: Iterable[Role] = ()) -> User:
    """A person with a login. An existing person of that name gets this password and these roles in addition.

    Administrators and ML engineers may open the admin site; ML engineers only look.
    """
    roles = list(roles)
    user: User
    with transaction.atomic():
        user, _ = User.objects.get_or_create(username=username)
        user.is_staff |= bool({Role.ADMIN, Role.ML_ENGINEER} & set(roles))
        user.is_superuser |= Role.ADMIN in roles
        user.set_password(password)
        user.save()
        user.groups.add(*(Group.objects.get_or_create(name=role.value)[0] for role in roles))
    return user


@transaction.atomic
def keep_key_bindings(*, user: User, page: str, bindings: Mapping[str, str]) -> None:
    """Keep the keys of `page` that `user` has changed (none: the defaults again). Other pages keep theirs."""
    person = User.objects.select_for_update().only("key_bindings").get(pk=user.pk)
    others = [(name, kept) for name, kept in person.key_bindings.items() if name != page]
    person.key_bindings = dict(others[1 - MOST_PAGES :]) | ({page: dict(bindings)} if bindings else {})
    person.save(update_fields=["key_bindings"])
