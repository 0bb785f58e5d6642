"""Accounts: hashed passwords, doors that shut, log-ins that end; and what one person may do."""

from __future__ import annotations

from pathlib import Path

import pytest

from ui.accounts import LOCK_SECONDS, MAX_TRIES, Accounts, add_account, read
from ui.conversations import Conversations
from ui.errors import AccountsError
from ui.people import HOUR_SECONDS, Hourly

pytestmark = pytest.mark.slow


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "accounts"
    add_account(path, "ada", "correct horse")
    return path


@pytest.fixture
def accounts(file: Path, clock: Clock) -> Accounts:
    return Accounts(file, Conversations(None), clock=clock)


def test_a_password_lets_in_and_is_nowhere_on_disk(accounts: Accounts, file: Path) -> None:
    token = accounts.log_in("ada", "correct horse", "1.2.3.4").token
    assert token is not None
    assert accounts.whose(token) == "ada"
    assert accounts.whose(token + "x") is None
    assert "correct horse" not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    accounts.log_out(token)
    assert accounts.whose(token) is None


def test_a_token_lies_on_disk_only_as_its_hash(file: Path, tmp_path: Path) -> None:
    kept = Conversations(tmp_path / "kept.sqlite3")
    token = Accounts(file, kept).log_in("ada", "correct horse", "").token
    assert token is not None
    kept.close()
    assert all(token.encode() not in one.read_bytes() for one in tmp_path.iterdir())


def test_a_log_in_survives_a_restart_and_ends_in_time(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Conversations(tmp_path / "kept.sqlite3")
    token = Accounts(file, kept).log_in("ada", "correct horse", "").token
    assert token is not None
    kept.close()
    again = Accounts(file, Conversations(tmp_path / "kept.sqlite3"))
    assert again.whose(token) == "ada"
    monkeypatch.setattr("ui.conversations.time.time", lambda: 4e9)
    assert again.whose(token) is None


def test_an_account_that_is_taken_out_of_the_file_is_out_at_once(accounts: Accounts, file: Path) -> None:
    token = accounts.log_in("ada", "correct horse", "").token
    assert token is not None
    file.unlink()
    add_account(file, "bob", "another password")
    assert accounts.whose(token) is None
    assert accounts.log_in("bob", "another password", "").token is not None


def test_the_door_shuts_after_repeated_failures_and_opens_again(accounts: Accounts, clock: Clock) -> None:
    for _ in range(MAX_TRIES):
        assert accounts.log_in("ada", "wrong", "1.2.3.4").locked_seconds == 0
    shut = accounts.log_in("ada", "correct horse", "1.2.3.4")
    assert shut.token is None
    assert 0 < shut.locked_seconds <= LOCK_SECONDS
    assert accounts.log_in("ada", "correct horse", "5.6.7.8").token is not None, "only that address is shut out"
    clock.now += LOCK_SECONDS + 1
    assert accounts.log_in("ada", "wrong", "1.2.3.4").locked_seconds == 0
    assert accounts.log_in("ada", "wrong", "1.2.3.4").locked_seconds > LOCK_SECONDS, "the next lock is longer"
    clock.now += 2 * LOCK_SECONDS + 1
    assert accounts.log_in("ada", "correct horse", "1.2.3.4").token is not None


def test_a_guess_from_many_addresses_shuts_the_name(accounts: Accounts) -> None:
    for n in range(5 * MAX_TRIES):
        accounts.log_in("ada", "wrong", f"10.0.0.{n}")
    assert accounts.log_in("ada", "correct horse", "10.1.1.1").locked_seconds > 0


@pytest.mark.parametrize("password", ["", "\0", "x" * 10_000, "\ud800"])
def test_odd_passwords_are_wrong_and_nothing_more(accounts: Accounts, password: str) -> None:
    assert accounts.log_in("ada", password, "").token is None
    assert accounts.log_in("nobody", password, "").token is None


def test_a_file_of_htpasswd_is_read(tmp_path: Path) -> None:
    path = tmp_path / "htpasswd"
    path.write_text("# ours\nada:$2y$05$" + "a" * 53 + "\n\n")
    path.chmod(0o600)
    assert list(read(path)) == ["ada"]


@pytest.mark.parametrize(
    ("written", "mode", "said"),
    [
        ("ada:secret\nbob:$2y$05$" + "a" * 53 + "\n:x\n", 0o600, "line 1, 3"),
        ("ada:$apr1$abc$def\n", 0o600, "bcrypt"),
        ("\n# nobody\n", 0o600, "names nobody"),
        ("ada:$2y$05$" + "a" * 53 + "\n", 0o644, "chmod 600"),
    ],
)
def test_a_file_that_is_no_good_is_named_with_what_to_do(tmp_path: Path, written: str, mode: int, said: str) -> None:
    path = tmp_path / "accounts"
    path.write_text(written)
    path.chmod(mode)
    with pytest.raises(AccountsError, match=said):
        read(path)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(AccountsError, match="--auth-file"):
        Accounts(tmp_path / "none", Conversations(None))


@pytest.mark.parametrize(("name", "password"), [("a:b", "long enough"), ("", "long enough"), ("ada", "short")])
def test_what_cannot_be_an_account_is_refused(tmp_path: Path, name: str, password: str) -> None:
    with pytest.raises(AccountsError):
        add_account(tmp_path / "accounts", name, password)


def test_a_new_password_takes_the_old_one_s_place(file: Path) -> None:
    add_account(file, "bob", "another password")
    add_account(file, "ada", "a new password")
    accounts = Accounts(file, Conversations(None))
    assert accounts.log_in("ada", "correct horse", "").token is None
    assert accounts.log_in("ada", "a new password", "").token is not None
    assert accounts.log_in("bob", "another password", "").token is not None


def test_an_hour_holds_so_many_questions_and_no_more(clock: Clock) -> None:
    hourly = Hourly(2, clock)
    assert [hourly.take("ada"), hourly.take("ada")] == [None, None]
    clock.now += 600
    assert hourly.take("ada") == HOUR_SECONDS - 600
    assert hourly.take("bob") is None
    clock.now += HOUR_SECONDS - 600
    assert hourly.take("ada") is None
    assert Hourly(None, clock).take("ada") is None
