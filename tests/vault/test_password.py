from __future__ import annotations

import time

import pytest

from vaultcore.vault.password import generate, weakness


@pytest.mark.parametrize(
    "password",
    [
        "",
        "password1",
        "elevenchars",
        "password1234",
        "P@ssw0rd1234",
        "Passw0rd!2026",
        "123456789012",
        "abcdefghijkl",
        "qwertyuiop12",
        "aaaaaaaaaaaa",
        "abcabcabcabc",
        "letmeinletmein",
        "Welcome2024!!",
        "vaultedge-admin-2026",
        "xkq7!xkq7!xkq7!",
    ],
)
def test_what_everybody_tries_first_is_weak(password: str) -> None:
    """Short passwords, common words, sequences and repeats are named as weak."""
    assert weakness(password) is not None


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "my dog eats 3 shoes",
        "Tr0ub4dor&3xyz",
        "測試測量長密碼很難猜到的",
        "x9!Kq2#vLm4p",
    ],
)
def test_what_takes_guessing_is_not(password: str) -> None:
    """A few unrelated words, or a dozen characters of no pattern, are enough."""
    assert weakness(password) is None


def test_generated_passwords_are_strong_and_never_the_same() -> None:
    """A generated password passes the check, can be typed in any shell, and comes once."""
    passwords = {generate() for _ in range(500)}

    assert len(passwords) == 500
    assert all(weakness(password) is None for password in passwords)
    assert all(password.replace("-", "").isalnum() and password.isascii() for password in passwords)


def test_long_passwords_are_checked_quickly() -> None:
    """No input makes the check slow."""
    start = time.process_time()
    for long in ("a" * 20_000, "pass" * 5_000, "abcdefgh" * 2_500, "0" * 20_000 + "x"):
        weakness(long)

    assert time.process_time() - start < 2
