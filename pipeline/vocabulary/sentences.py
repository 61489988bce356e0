"""Closed words as sentences, for models that read text.

Each field has one place in the sentence and each of its words one part; there is no other text, so every sentence
there can be is known beforehand (``reachable``) and no phrase of a header gets into one. No part says what is *not*
there: text encoders read "no rash" as "rash".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType

from pipeline.vocabulary.described import DESCRIBED
from pipeline.vocabulary.persona import as_it_is, healed
from pipeline.vocabulary.prompts import FIELDS, PERSONAS, ClinicalPrompt


def _of(noun: str, words: str) -> dict[str, str]:
    """Parts that are the word and the noun; ``{}`` stands for the word."""
    return {word: noun.format(word) for word in words.split()}


_FEATURES: dict[str, dict[str, str]] = {
    "face_length": {**_of("a {} face", "short long"), "average": "a face of average length"},
    "face_width": {**_of("{} cheekbones", "narrow wide"), "average": "cheekbones of average width"},
    "jaw": {**_of("a {} jaw", "narrow wide"), "average": "a jaw of average width"},
    "nose_width": {**_of("a {} nose", "narrow wide"), "average": "a nose of average width"},
    "nose_length": {**_of("a {} nose bridge", "short long"), "average": "a nose bridge of average length"},
    "lips": {**_of("{} lips", "thin full"), "average": "lips of average fullness"},
    "mouth_width": {**_of("a {} mouth", "narrow wide"), "average": "a mouth of average width"},
    "eye_size": {**_of("{} eyes", "small large"), "average": "eyes of average size"},
    "eye_spacing": {"close": "close-set eyes", "average": "evenly set eyes", "wide": "wide-set eyes"},
    "eye_colour": {**_of("{} irises", "brown hazel green blue grey"), "dark": "nearly black irises"},
    "brows": {**_of("{} eyebrows", "thin thick"), "average": "eyebrows of average thickness"},
    "brow_height": {**_of("{} brows", "low high"), "average": "brows of average height"},
    "weight": {"slim": "a slim build", "average": "an average build", "heavy": "a heavy build"},
    "hair_style": {
        "bob": "hair cut in a bob", "braid": "hair in a braid", "long": "long hair", "ponytail": "hair in a ponytail",
        "short slick": "short, slicked-back hair", "short messy": "short, messy hair", "short crop": "cropped hair",
        "short quiff": "short hair with a quiff", "afro": "afro hair", "cap": "a cap", "buzz cut": "a buzz cut",
        "bald": "a bald head",
    },
    "hair_colour": {
        "black": "black hair", "dark brown": "dark brown hair", "brown": "brown hair",
        "light brown": "light brown hair", "blond": "blond hair", "red": "red hair", "grey": "grey hair",
        "white": "white hair",
    },
    "beard": {"none": "a clean-shaven chin", "stubble": "stubble", "beard": "a full beard"},
    "glasses": {"none": "uncovered eyes", "worn": "glasses"},
}  # fmt: skip
"""What somebody's face has, as parts of an enumeration."""

_LEFT_UNSAID = "average"
"""A feature that is average is no feature: the sentence stays short enough for encoders that read 77 tokens."""


def _features(described: ClinicalPrompt, *, of_a_man: bool = True) -> list[str]:
    """The parts of a persona's words. Beards are told of men alone."""
    told = {name: word for name, word in described.words.items() if word != _LEFT_UNSAID}
    if not of_a_man:
        told.pop("beard", None)
    return [_FEATURES[name][word] for name, word in told.items()]


PARTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "view": {
            "face": "a close-up portrait photograph of {}", "close-up": "a clinical close-up photograph of {}",
            "dermoscopy": "a dermoscopic photograph of {}",
        },
        "sex": {"female": "woman", "male": "man"},
        "age": {
            "adolescent": "a teenage", "young adult": "a young", "middle-aged": "a middle-aged",
            "elderly": "an elderly",
        },
        "skin_type": {
            "I": "very fair skin", "II": "fair skin", "III": "beige skin", "IV": "olive skin", "V": "brown skin",
            "VI": "dark brown skin",
        },
        "lesion": {
            "healthy": "clear, healthy, even-toned skin", "erythema": "a red rash", "papules": "raised red pimples",
            "plaque": "a red, scaly plaque", "naevus": "a dark mole", "vitiligo": "white patches of vitiligo",
            "lesion": "a visible skin lesion",
        },
        "severity": {"mild": "of mild degree", "moderate": "of moderate degree", "severe": "of severe degree"},
        "site": {
            "cheeks and nose": "on the cheeks and the nose", "right cheek": "on the right cheek",
            "left cheek": "on the left cheek", "forehead": "on the forehead", "chin": "on the chin",
            "right temple": "on the right temple", "left temple": "on the left temple",
            "perioral": "around the mouth", "periocular": "around the eyes", "nose": "on the nose",
            "whole face": "over the whole face", "multiple": "in several places", "skin patch": "in the middle",
        },
        **_FEATURES,
        "persona": {
            persona: ", ".join(_features(described)) for persona, described in DESCRIBED.items()
        },
    }
)  # fmt: skip
"""By field and word. That of ``view`` holds the place of what is shown."""


def sentence(prompt: ClinicalPrompt) -> str:
    """What ``prompt`` says, in one or two English sentences; a field that it is silent on has no part in them."""
    said = {name: PARTS[name][word] for name, word in prompt.words.items()}
    skin = said.get("skin_type")
    if prompt.words.get("view", "face") == "face":
        whose = f"{said.get('age', 'a')} {said.get('sex', 'person')}"
        attributes = [skin] if skin else []
    else:
        whose, attributes = skin or "human skin", []
    if "lesion" in said:
        attributes.append(" ".join(said[name] for name in ("lesion", "severity", "site") if name in said))
    shown = f"{whose} with {' and '.join(attributes)}" if attributes else whose
    features = [said[name] for name in _FEATURES if name in said]
    if "persona" in said:
        features += _features(DESCRIBED[prompt.words["persona"]], of_a_man=prompt.words.get("sex") == "male")
    text = f"{PARTS['view'][prompt.words.get('view', 'face')].format(shown)}."
    return f"{text} the person has {', '.join(features)}." if features else text


@dataclass(frozen=True)
class EditWords:
    """The sentences that an edit leads from and to."""

    source: str
    target: str


def healing_words(prompt: ClinicalPrompt) -> EditWords:
    """From the disease to healthy skin. Of a face the sex is not said, of skin alone neither sex nor age: they stay."""
    seen = prompt.saying(severity=None, site=None, sex=None)
    if prompt.words.get("view", "face") != "face":
        seen = seen.saying(age=None)
    return EditWords(sentence(seen), sentence(healed(seen)))


_ALIKE = {"I": "II", "IV": "III", "VI": "V"}
"""Skin types that a swap takes for their neighbours: both of its sentences say the same, so nothing is led there."""


def swapping_words(prompt: ClinicalPrompt, persona: str) -> EditWords:
    """From whoever is in the picture to ``persona``, of the same sex, age and complexion. Nobody becomes a child."""
    skin, age = prompt.words.get("skin_type"), prompt.words.get("age")
    source = as_it_is(prompt).saying(
        view="face",
        skin_type=_ALIKE.get(skin, skin) if skin else None,
        age="young adult" if age == "adolescent" else age,
    )
    return EditWords(sentence(source), sentence(source.saying(persona=persona)))


def reachable() -> tuple[str, ...]:
    """Every sentence that the two edits can ask for, whatever a header says, and the empty one; sorted."""
    hinted = ("view", "sex", "age", "skin_type", "lesion")
    found = {""}
    for words in product(*((None, *FIELDS[name]) for name in hinted)):
        prompt = ClinicalPrompt({name: word for name, word in zip(hinted, words, strict=True) if word is not None})
        healing = healing_words(prompt)
        found |= {healing.source, healing.target}
        if prompt.words.get("view", "face") == "face" and "lesion" not in prompt.words:
            swaps = [swapping_words(prompt, persona) for persona in PERSONAS]
            found |= {text for swap in swaps for text in (swap.source, swap.target)}
    return tuple(sorted(found))
