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
def test_common_passwords_are_weak(password: str) -> None:
    """Short passwords, common words, sequences and repetitions are weak."""
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
def test_unpredictable_passwords_are_not_weak(password: str) -> None:
    """A few unrelated words, or a dozen characters without a pattern, are enough."""
    assert weakness(password) is None


def test_generated_passwords_are_strong_and_unique() -> None:
    """A generated password is not weak, needs no shell quoting, and is unique."""
    passwords = {generate() for _ in range(500)}

    assert len(passwords) == 500
    assert all(weakness(password) is None for password in passwords)
    assert all(password.replace("-", "").isalnum() and password.isascii() for password in passwords)


def test_long_passwords_are_checked_quickly() -> None:
    """Rating takes linear time for any input."""
    start = time.process_time()
    for long in ("a" * 20_000, "pass" * 5_000, "abcdefgh" * 2_500, "0" * 20_000 + "x"):
        weakness(long)

    assert time.process_time() - start < 2
