"""What can be said of a photograph in closed words, and the person whom a patient becomes. No pixels enter."""

from pipeline.vocabulary.described import DESCRIBED
from pipeline.vocabulary.persona import (
    Personas,
    as_it_is,
    as_persona,
    deck_for,
    describe,
    healed,
    of_skin_alone,
    persona_for,
)
from pipeline.vocabulary.prompts import (
    FIELDS,
    FIRST_PERSONA_SEED,
    PERSONA_FIELDS,
    PERSONAS,
    UNNAMED_LESION,
    ClinicalPrompt,
    token_of,
)
from pipeline.vocabulary.sentences import PARTS, EditWords, healing_words, reachable, sentence, swapping_words

__all__ = [
    "Personas",
    "as_it_is",
    "as_persona",
    "deck_for",
    "describe",
    "healed",
    "of_skin_alone",
    "persona_for",
    "ClinicalPrompt",
    "FIELDS",
    "FIRST_PERSONA_SEED",
    "PERSONAS",
    "PERSONA_FIELDS",
    "UNNAMED_LESION",
    "token_of",
    "DESCRIBED",
    "EditWords",
    "PARTS",
    "healing_words",
    "reachable",
    "sentence",
    "swapping_words",
]
