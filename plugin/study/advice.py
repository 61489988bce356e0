"""What somebody can do about a refusal, by the name of its error. An error that may end in one has its line here."""

from __future__ import annotations

ADVICE: dict[str, str] = {
    # dicom_io.errors
    "UnsupportedObject": "Send it in a form that is taken (`twinveil conformance` lists them), or discard it.",
    "UnreadableObject": "Send it again from where it was made; if that is held as well, that copy is damaged too.",
    "ProfileError": "Mend the profile's settings (`twinveil check` says which), then release it.",
    "KeyRefused": "Put the site's key in order (`twinveil check`), then release it.",
    "CertificateRefused": "Put the certificates in order (`twinveil check`), then start the node again.",
    "LeakFound": "Look at the attributes that are named: what identifies nobody there can be mended at the source.",
    "LeakSuspected": "Look at what the header says there: release it where that names nobody.",
    "DeliveryFailed": "See that the destination runs and takes such objects (`twinveil check`), then release it.",
    "InvalidObject": "Report it with this reason: nothing that is wrong with the photograph should end so.",
    "SpoolFull": "Make room on the disk, then send it again.",
    # pipeline.errors
    "Rejected": "Discard it: nobody's word outweighs a comparison that was made. Another photograph may do better.",
    "Undecided": "Look at the photograph, then release it for another try, or discard it.",
    "FaceDenied": "Look at the photograph: a face turned away or half covered is best taken again.",
    "FaceSuspected": "Look at the photograph: release it where it shows no face but those that get a twin.",
    "NoFaceFound": "Look at the photograph: release it where it shows no face.",
    "OutsideDomain": "Discard it, or wait for a model that knows such faces, then release it.",
    "TextOnSkin": "Look at the photograph: release it where what was taken for text names nobody.",
    "IdentifyingMark": "Look at the photograph: release it where what was taken for a mark tells nobody who it is.",
    "ModelError": "Put the model in order (`twinveil check`), then release it.",
    "UnusablePhotograph": "Send a larger photograph in 8-bit colour, or discard it.",
    # plugin
    "Conflict": "Find out which of the two is meant; send the other under a UID of its own.",
    "NoDestination": "Configure a destination, then release it.",
    "EarlierVersion": "Release it: it is made anew under new UIDs; what came before may be removed there.",
    "NoOutcome": "Look in the log for what ended its job, then release it.",
    "UnreadableReason": "Look at the files of the entry; what the instance is can be seen from a restored copy alone.",
    "Unforeseen": "Report it with this reason and the version; the photograph is kept and can be released later.",
}


def advice_for(error: str) -> str:
    """The line for the error of that name; that of ``Unforeseen`` for a name that an earlier version wrote."""
    return ADVICE.get(error, ADVICE["Unforeseen"])
