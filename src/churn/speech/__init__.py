"""One voice: a message is a value until somebody reads it; its words come from one catalogue per language.

English stands in the sources, as the text of a `Message`; Chinese in `locales/zh.po`. A third language is one more
file.
No code looks inside a said sentence: decisions are made on the values.
"""

from churn.speech.amounts import Amount, Date, InUnit, Money, Number, Percent, Plain, Points, PointsBetween

# isort: split
from churn.speech.amounts import Share, ShortMoney, ShortNumber, Span, Times
from churn.speech.catalogue import LANGUAGES, Language, isolate, use_catalogues
from churn.speech.message import Joined, Message, Name, Said, counted, joined, message, say

__all__ = [
    "LANGUAGES", "Amount", "Date", "InUnit", "Joined", "Language", "Message", "Money", "Name", "Number", "Percent",
    "Plain", "Points", "PointsBetween", "Said", "Share", "ShortMoney", "ShortNumber", "Span", "Times", "counted",
    "isolate", "joined", "message", "say", "use_catalogues",
]  # fmt: skip
