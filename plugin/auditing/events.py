"""The events that are reported (PS3.15 A.5.3), each as a function of what is known of it.

Studies are named by their keyed digests, as logs and manifests name them. A patient is not known by more than that: the
object that the standard wants of one says whose study it is, under the same digest.
"""

from __future__ import annotations

from plugin.auditing.messages import Action, AuditMessage, Code, Concerned, Outcome, Participant

APPLICATION_ACTIVITY = Code("110100", "Application Activity")
BEGIN_TRANSFERRING = Code("110102", "Begin Transferring DICOM Instances")
INSTANCES_ACCESSED = Code("110103", "DICOM Instances Accessed")
INSTANCES_TRANSFERRED = Code("110104", "DICOM Instances Transferred")
EXPORT = Code("110106", "Export")
USER_AUTHENTICATION = Code("110114", "User Authentication")
SECURITY_ALERT = Code("110113", "Security Alert")

APPLICATION_START, APPLICATION_STOP = Code("110120", "Application Start"), Code("110121", "Application Stop")
LOGIN, LOGOUT = Code("110122", "Login"), Code("110123", "Logout")
NODE_AUTHENTICATION = Code("110126", "Node Authentication")
RECORDING_STOPPED = Code("110133", "Audit Recording Stopped")

APPLICATION = Code("110150", "Application")
DESTINATION, SOURCE = Code("110152", "Destination Role ID"), Code("110153", "Source Role ID")
DESTINATION_MEDIA = Code("110154", "Destination Media")
URI = Code("110037", "URI")

STUDY_UID = Code("110180", "Study Instance UID")
NODE_ID = Code("110182", "Node ID")
PATIENT_NUMBER = Code("2", "Patient Number", "RFC-3881")

PERSON, SYSTEM = 1, 2
PATIENT, REPORT, SECURITY_RESOURCE = 1, 3, 13


def of_study(
    study: str, instances: int | None, *, sop_class: str = "", anonymized: bool = False
) -> tuple[Concerned, ...]:
    """The study, and the patient of whom no more is known."""
    whole = Concerned(
        study, STUDY_UID, SYSTEM, REPORT, f"study {study}", instances, sop_class=sop_class, anonymized=anonymized
    )
    return whole, Concerned(f"patient-of-{study}", PATIENT_NUMBER, PERSON, PATIENT, "unnamed")


def activity(node: Participant, *, starts: bool) -> AuditMessage:
    """The node starts or stops (A.5.3.1)."""
    return AuditMessage(
        APPLICATION_ACTIVITY, Action.EXECUTE, (node,), kind=APPLICATION_START if starts else APPLICATION_STOP
    )


def begun(source: Participant, destination: Participant, concerned: tuple[Concerned, ...]) -> AuditMessage:
    """A transfer begins (A.5.3.3)."""
    return AuditMessage(BEGIN_TRANSFERRING, Action.EXECUTE, (source, destination), concerned)


def transferred(source: Participant, destination: Participant, concerned: tuple[Concerned, ...]) -> AuditMessage:
    """A transfer has ended (A.5.3.7)."""
    return AuditMessage(INSTANCES_TRANSFERRED, Action.CREATE, (source, destination), concerned)


def exported(node: Participant, media: tuple[Participant, ...], concerned: tuple[Concerned, ...]) -> AuditMessage:
    """What was made of a study is released: it leaves our hands for all its destinations (A.5.3.8)."""
    return AuditMessage(EXPORT, Action.READ, (node, *media), concerned)


def accessed(person: Participant, node: Participant, action: Action, concerned: tuple[Concerned, ...]) -> AuditMessage:
    """A person looked at a held instance, sent it through once more, or had it removed (A.5.3.6)."""
    return AuditMessage(INSTANCES_ACCESSED, action, (person, node), concerned)


def signed_in(person: Participant, node: Participant, *, succeeded: bool) -> AuditMessage:
    """Somebody signed in to the page, or tried to (A.5.3.12)."""
    outcome = Outcome.SUCCESS if succeeded else Outcome.MINOR_FAILURE
    return AuditMessage(USER_AUTHENTICATION, Action.EXECUTE, (person, node), kind=LOGIN, outcome=outcome)


def signed_out(person: Participant, node: Participant) -> AuditMessage:
    """Somebody signed out of the page (A.5.3.12)."""
    return AuditMessage(USER_AUTHENTICATION, Action.EXECUTE, (person, node), kind=LOGOUT)


def turned_away(node: Participant, caller: Participant, why: str) -> AuditMessage:
    """Somebody called who may not (A.5.3.11)."""
    subject = Concerned(node.user, NODE_ID, SYSTEM, SECURITY_RESOURCE, node.user, detail=why)
    return AuditMessage(
        SECURITY_ALERT, Action.EXECUTE, (node, caller), (subject,), NODE_AUTHENTICATION, Outcome.MINOR_FAILURE
    )


def recording_stopped(node: Participant, lost: int) -> AuditMessage:
    """So many messages were lost because no more could be kept (A.5.3.11)."""
    subject = Concerned(node.user, NODE_ID, SYSTEM, SECURITY_RESOURCE, node.user,
                        detail=f"{lost} audit messages were lost: no more could be kept")  # fmt: skip
    return AuditMessage(SECURITY_ALERT, Action.EXECUTE, (node,), (subject,), RECORDING_STOPPED, Outcome.SERIOUS_FAILURE)
