"""The meter counts tokens that a text has at least, so that a correct response is never cut off."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaultcore.gateway.output_meter import MARGIN, SLACK, OutputMeter, least_tokens
from vaultcore.routing.stream_joiner import StreamJoiner

PUBLISHED = {  # tokens of GPT-4o, https://openai.com/index/hello-gpt-4o/
    "Hello, my name is GPT-4o. I'm a new type of language model, it's nice to meet you!": 24,
    "Hallo, mein Name is GPT-4o. Ich bin ein neues KI-Sprachmodell. Es ist schön, dich kennenzulernen.": 29,
    "Xin chào, tên tôi là GPT-4o. Tôi là một loại mô hình ngôn ngữ mới, rất vui được gặp bạn!": 30,
    "Привет, меня зовут GPT-4o. Я — новая языковая модель, приятно познакомиться!": 23,
    "नमस्ते, मेरा नाम जीपीटी-4o है। मैं एक नए प्रकार का भाषा मॉडल हूँ। आपसे मिलकर अच्छा लगा!": 31,
    "வணக்கம், என் பெயர் GPT-4o. நான் ஒரு புதிய வகை மொழி மாடல். உங்களை சந்தித்ததில் மகிழ்ச்சி!": 35,
    "مرحبًا، اسمي جي بي تي-4o. أنا نوع جديد من نموذج اللغة، سررت بلقائك!": 26,
    "안녕하세요, 제 이름은 GPT-4o입니다. 저는 새로운 유형의 언어 모델입니다, 만나서 반갑습니다!": 27,
    "你好，我的名字是GPT-4o。我是一种新型的语言模型，很高兴见到你!": 24,
    "こんにちわ、私の名前はGPT−4oです。私は新しいタイプの言語モデルです、初めまして": 26,
    "antidisestablishmentarianism": 6,
}


def stream(*texts: str) -> StreamJoiner:
    joiner = StreamJoiner("c", "m", 1)
    for text in texts:
        joiner.observe({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]})
    return joiner


@pytest.mark.parametrize("text", PUBLISHED)
def test_no_text_has_fewer_tokens(text: str) -> None:
    """In no script does the meter count more tokens than a tokenizer, whose margin remains for others."""
    assert 0 < least_tokens(text) <= PUBLISHED[text]


@pytest.mark.parametrize("text", ["=" * 60, " " * 100, "\n" * 60, "| --- " * 12, "…" * 16, "🎉" * 16])
def test_long_tokens_count_little(text: str) -> None:
    """Blanks, lines and table rows, of which one token may have dozens, are not counted by their length."""
    assert least_tokens(text) <= 2


WORDS = st.from_regex(r"( ?[a-zé]{1,16}|[0-9]{1,3}|[!-/]{1,9}|[一-三]{1,4}|\s{1,90})", fullmatch=True)


@settings(deadline=None)
@given(st.lists(WORDS, min_size=60, max_size=300))
def test_a_stream_within_its_limit_is_not_cut(texts: list[str]) -> None:
    """A stream whose deltas have a token each, as many as its limit, is never cut off."""
    meter, joiner = OutputMeter(len(texts)), StreamJoiner("c", "m", 1)

    for text in texts:
        joiner.observe({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]})
        assert not meter.is_exceeded(joiner)


@pytest.mark.parametrize("limit", [1, 20, 1_000, 16_000])
def test_a_stream_far_above_its_limit_is_cut(limit: int) -> None:
    """English text, however it is divided, is cut off before twice its limit and a few hundred tokens."""
    meter, joiner = OutputMeter(limit), StreamJoiner("c", "m", 1)
    words, most = 0, int(limit * MARGIN + SLACK + 500)

    while words <= most and not meter.is_exceeded(joiner):
        joiner.observe({"choices": [{"index": 0, "delta": {"content": "some more "}, "finish_reason": None}]})
        words += 2

    assert limit * MARGIN < words <= most


def test_without_a_limit_nothing_is_counted() -> None:
    """A call without a reservation is not metered."""
    assert not OutputMeter(None).is_exceeded(stream("x " * 1_000_000))


def test_the_meter_costs_little() -> None:
    """Per chunk of a long stream the meter takes less than 5 µs: it counts batches."""
    texts = ["some more "] * 20_000
    joiner = stream(*texts)
    seconds = []
    for _ in range(3):
        meter, begin = OutputMeter(10**6), time.process_time()
        for _ in texts:
            meter.is_exceeded(joiner)
        seconds.append(time.process_time() - begin)

    assert min(seconds) / len(texts) < 5e-6
