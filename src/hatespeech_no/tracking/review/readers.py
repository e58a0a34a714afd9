"""Readers' accounts: who may log in to the review server, and what each may open."""

from __future__ import annotations

import re
import secrets
import warnings
from functools import cached_property
from pathlib import Path
from typing import Any

from hatespeech_no.errors import HatespeechError, require
from hatespeech_no.tracking.review.store import ReviewStore, address
from hatespeech_no.tracking.store import mlflow_module

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{1,30}")
_ADMIN = "admin"  # MLflow asks for one; nobody knows its password
_CONFIGURATION = """\
[mlflow]
default_permission = NO_PERMISSIONS
database_uri = {accounts}
admin_username = {admin}
authorization_function = hatespeech_no.tracking.review.access:authenticate
auth_cache_ttl_seconds = 300
"""


class Readers:
    """The accounts of a review store.

    Attributes:
        store: it.
    """

    def __init__(self, store: ReviewStore) -> None:
        self.store = store

    def add(self, name: str) -> str:
        """Make an account, or give an existing one a new password, and return the password: it is kept nowhere.

        Raises:
            HatespeechError: the name cannot be used, or the accounts cannot be written.
        """
        if not _NAME.fullmatch(name) or name in (_ADMIN, "default"):
            raise HatespeechError(
                f"{name!r}: a reader's name is 2 to 31 characters of a-z, 0-9, - and _, and neither admin nor default"
            )
        password = secrets.token_urlsafe(15)
        with self.store.telling():
            change = self._accounts.update_user if self._accounts.has_user(name) else self._accounts.create_user
            change(name, password)
        return password

    def remove(self, name: str) -> None:
        """Delete an account; what its owner answered stays. Logged in, they may go on for five minutes.

        Raises:
            HatespeechError: there is no such reader.
        """
        self.check(name)
        with self.store.telling():
            self._accounts.delete_user(name)

    def names(self) -> list[str]:
        """All readers."""
        with self.store.telling():
            return sorted(user.username for user in self._accounts.list_users() if user.username != _ADMIN)

    def check(self, name: str) -> None:
        """Raise if there is no such reader.

        Raises:
            HatespeechError: there is none.
        """
        if name not in self.names():
            raise HatespeechError(
                f"{self.store.folder}: has no reader named {name!r}; "
                f"add one with: hatespeech-no review reader add {name}"
            )

    def admit(self, name: str, experiment: str) -> None:
        """Let a reader, and no other, open an experiment and answer there."""
        self._accounts.grant_user_permission(name, "experiment", experiment, "EDIT")

    @cached_property
    def _accounts(self) -> Any:  # noqa: ANN401 - MLflow is untyped
        mlflow_module()
        require("flask_wtf", "tracking")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # MLflow's server imports what its libraries are about to drop
            from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore
        self.store.make()
        accounts = SqlAlchemyStore()
        accounts.init_db(address(self.store.accounts))
        if not accounts.has_user(_ADMIN):
            accounts.create_user(_ADMIN, secrets.token_urlsafe(30), is_admin=True)
        self.configuration.write_text(
            _CONFIGURATION.format(accounts=address(self.store.accounts), admin=_ADMIN), encoding="utf-8"
        )
        return accounts

    @property
    def configuration(self) -> Path:
        """The file that the server reads."""
        return self.store.folder / "accounts.ini"
