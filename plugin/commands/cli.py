"""The command line. Each command only gathers its parts; what it does is in the module named after it.

Exit status: 0 all released, 3 something quarantined, 2 bad usage or configuration, 1 failure.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dicom_io.header import SiteKey
from plugin import __version__
from plugin.commands.destinations import destinations_app
from plugin.commands.examples import add_examples
from plugin.commands.exit_status import ExitStatus, exits, status_of
from plugin.commands.integrations import integrations_app
from plugin.commands.models import models_app
from plugin.commands.options import (
    BankOption,
    ConfigOption,
    DeviceOption,
    JsonOption,
    KnobsOption,
    ModelOption,
    OffloadOption,
    PrecisionOption,
    ReasonOption,
    ReviewerOption,
    ViewOption,
    WeightsOption,
)
from plugin.commands.quarantine import quarantine_app
from plugin.commands.terminal import plain_table, say, terminal
from plugin.commands.users import users_app
from plugin.config import Configuration, find_key_file, load_configuration
from plugin.errors import ConfigurationRefused
from plugin.logs import configure_logs
from plugin.profile_settings import profile_of, pseudonyms_of
from plugin.roles import Role

if TYPE_CHECKING:
    from pipeline.edits import TwinMaker
    from pipeline.vocabulary import Personas

HELP = """A DICOM node that replaces photographs of patients' skin by anonymous twins with the same disease.

Exit status: 0 all released, 3 something quarantined, 2 bad usage or configuration, 1 failure."""

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help=HELP)
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(destinations_app, name="destinations")
app.add_typer(integrations_app, name="integrations")
app.add_typer(models_app, name="models")
app.add_typer(users_app, name="users")


def main() -> None:
    """Entry point of ``twinveil``."""
    app()


def load_twins(configuration: Configuration, personas: Personas | None = None) -> TwinMaker:
    """The configured model. Imported here: it takes seconds, and most commands need none."""
    from pipeline.edits import load_twin_maker
    from pipeline.gate import Policy, find_calibration
    from plugin.commands.model_choice import choice_of

    section = configuration.policy
    policy = Policy(frozenset(section.may_lack_face), section.second_look)
    calibration = find_calibration(section.calibration, configuration.folder)
    return load_twin_maker(choice_of(configuration), personas, policy, calibration)


def load_node_twins(configuration: Configuration) -> TwinMaker:
    """The same for a node, which remembers who became whom."""
    from plugin.node import KeptPersonas

    return load_twins(configuration, KeptPersonas(configuration.records))


@app.callback(invoke_without_command=True)
def version(show: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if show:
        say(f"twinveil {__version__}")
        raise typer.Exit


@app.command()
@exits
def init(folder: Annotated[Path, typer.Argument(help="Folder for both files.")] = Path()) -> ExitStatus:
    """Write a commented configuration and a 32-byte key."""
    from plugin.commands.init import initialise

    configuration, key = initialise(folder)
    say(f"{configuration}\n{key}  (mode 0600; without it no pseudonym can be made again: keep a copy, safely)")
    say("Next: list callers and destinations in it, then `twinveil check` and `twinveil serve`.")
    return ExitStatus.RELEASED


@app.command()
@exits
def serve(
    config: ConfigOption = Path("twinveil.toml"),
    role: Annotated[Role, typer.Option("--role", help="What this process does; all, unless there is PostgreSQL.")] = (
        Role.ALL
    ),
) -> ExitStatus:
    """Run the node, or one of its processes where it has several."""
    from plugin.commands.serve import serve as run

    configuration = load_configuration(config)
    configure_logs(form=configuration.logging.format)
    key = SiteKey.from_file(configuration.key_path)
    run(configuration, key, load_node_twins, role)


@app.command()
@exits
def process(
    inputs: Annotated[
        list[Path] | None, typer.Argument(metavar="INPUT...", help="DICOM files, or folders of them.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the results.")] = None,
    key: Annotated[Path | None, typer.Option("--key", help="Key file; else the configuration's.")] = None,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="Configuration file.")] = None,
    explain: Annotated[
        Path | None, typer.Option("--explain", metavar="FILE", help="Only say what becomes of each attribute of FILE.")
    ] = None,
) -> ExitStatus:
    """Make twins of files, without a network."""
    from plugin.commands.process import process as run

    configure_logs(logging.WARNING)
    configuration = Configuration(folder=Path.cwd()) if config is None else load_configuration(config)
    site_key = SiteKey.from_file(find_key_file(configuration, key))
    if explain is not None:
        from plugin.commands.header import explain as explained

        for decision in explained(explain, profile_of(configuration, pseudonyms_of(configuration, site_key))):
            say(f"{decision.outcome:<14}{' > '.join(decision.path):<60} {decision.why}")
        return ExitStatus.RELEASED
    if not inputs or out is None:
        raise ConfigurationRefused("process needs INPUT... and --out, or --explain FILE")
    outcomes = run(inputs, out, configuration, site_key, load_twins(configuration), terminal(stderr=True))
    released = sum(outcome.refusal is None for outcome in outcomes)
    say(f"{released} of {len(outcomes)} released; see {out / 'overview.png'} and {out / 'manifest.json'}")
    return status_of(outcomes)


@app.command()
@exits
def header(
    inputs: Annotated[list[Path], typer.Argument(metavar="INPUT...", help="DICOM files, or folders of them.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the cleaned headers.")],
    key: Annotated[Path | None, typer.Option("--key", help="Key file; else the configuration's.")] = None,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="Configuration file.")] = None,
) -> ExitStatus:
    """Apply the confidentiality profile alone; pixel data are left out."""
    from plugin.commands.header import clean_headers
    from plugin.commands.inputs import gather

    configuration = Configuration(folder=Path.cwd()) if config is None else load_configuration(config)
    pseudonyms = pseudonyms_of(configuration, SiteKey.from_file(find_key_file(configuration, key)))
    given = gather(inputs)
    results = list(clean_headers(given.files, out, profile_of(configuration, pseudonyms)))
    for result in results:
        if result.written is None:
            say(f"held back: {result.file}: {result.refusal}", err=True)
    for other in given.passed_over:
        say(f"passed over: {other.file}: {other.why}", err=True)
    written = sum(result.written is not None for result in results)
    say(f"{written} of {len(results)} headers written to {out}")
    return ExitStatus.RELEASED if written == len(results) else ExitStatus.QUARANTINED


@app.command()
@exits
def sweep(
    option: Annotated[
        list[str] | None, typer.Option("--option", help="Only with these options of the profile; else every set.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="JSON file for the findings.")] = None,
) -> ExitStatus:
    """Plant a sentinel wherever a photograph can hold a value, and search what leaves for them."""
    from plugin.commands.sweep import EVERY_SET, run

    configure_logs(logging.ERROR)
    sets = EVERY_SET if option is None else (tuple(option),)
    return ExitStatus.RELEASED if run(sets, out, terminal()) else ExitStatus.FAILURE


@app.command()
@exits
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.")] = Path("build/demo"),
    samples: Annotated[Path | None, typer.Option("--samples", help="Folder of DICOM studies to send.")] = None,
    model: Annotated[str, typer.Option("--model", help="Folder of a larger model instead of the embedded one.")] = "",
    knobs: Annotated[str, typer.Option("--knobs", help="File of `twinveil tune`.")] = "",
    bank: Annotated[str, typer.Option("--bank", help="File of `twinveil models bank`.")] = "",
    device: DeviceOption = "cpu",
) -> ExitStatus:
    """Run a node on loopback, send it sample studies, and show what an archive received."""
    from plugin.commands.demo import demonstrate, model_section, sample_studies

    configure_logs(logging.WARNING)
    section = model_section(model, knobs, bank, device)
    manifest = demonstrate(out, samples or sample_studies(), load_node_twins, terminal(stderr=True), section)
    summary = manifest["summary"]
    say(f"{summary['released']} of {summary['instances']} photographs released, {summary['quarantined']} held.")
    say(f"Look at {out / 'overview.png'}; what was received lies beside it, {out / 'manifest.json'} says why.")
    return ExitStatus.QUARANTINED if summary["quarantined"] else ExitStatus.RELEASED


@app.command()
@exits
def evaluate(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for scorecard.json and report.html.")] = Path(
        "build/evaluation"
    ),
    patients: Annotated[int, typer.Option("--patients", "-n", min=2, help="Patients to render and examine.")] = 200,
    seed: Annotated[int, typer.Option("--seed", "-s", min=1_000_000, help="The first patient's seed.")] = 1_000_000,
    assets: Annotated[Path | None, typer.Option("--assets", help="Folder of hair, brows and lashes (CC0).")] = None,
    model: WeightsOption = None,
    knobs: KnobsOption = None,
    bank: BankOption = None,
    device: DeviceOption = "cpu",
    photographs: Annotated[
        list[Path] | None,
        typer.Option("--photographs", metavar="FOLDER|ZIP", help="Photographs with masks, instead of patients."),
    ] = None,
    view: ViewOption = None,
    held_out: Annotated[bool, typer.Option("--held-out", help="Only photographs held out from training.")] = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Photographs of each source.")] = None,
    processes: Annotated[int, typer.Option("--processes", min=1, help="Photographs examined at a time.")] = 1,
    leaks: Annotated[
        int, typer.Option("--leaks", min=0, help="Of so many people in photographs, partial leaks are judged too.")
    ] = 0,
) -> ExitStatus:
    """The scorecard: unseen rendered patients, or photographs, through the whole pipeline, the truth beside each."""
    if photographs:
        from plugin.commands.evaluate_photographs import Request, evaluate_photographs

        configure_logs(logging.ERROR)
        request = Request(tuple(photographs), out, view, held_out, limit, model, processes, leaks, device, knobs, bank)
        card = evaluate_photographs(request, terminal(stderr=True))
        beside = out / "photographs.csv"
    else:
        from plugin.commands.evaluate import evaluate as run

        card = run(patients, seed, out, assets, model, terminal(stderr=True))
        beside = out / "scorecard.json"
    table = plain_table("Figure", "Value", "95 % interval", "n", "First bar", "")
    for name, figure in card["figures"].items():
        shown = ["" if figure.get(key) is None else f"{figure[key]:.3f}" for key in ("value", "low", "high")]
        met = {None: "", True: "met", False: "missed"}[figure["meets_first_bar"]]
        bar = "" if figure["first_bar"] is None else str(figure["first_bar"])
        table.add_row(name, shown[0], " to ".join(filter(None, shown[1:])), str(figure["n"]), bar, met)
    terminal().print(table)
    if "verdict" in card:
        say(f"{card['verdict'][0].upper()}{card['verdict'][1:]}.")
    say(f"Look at {out / 'report.html'}; more is in {beside}.")
    return ExitStatus.RELEASED


@app.command()
@exits
def train(
    edit: Annotated[
        Literal["heal", "skin", "closer", "swap", "marks", "lesions", "face_lesions"],
        typer.Argument(help="Which of the seven networks."),
    ],
    work: Annotated[Path, typer.Option("--work", help="Rendered pairs, checkpoints and sample sheets.")] = Path(
        "build/training"
    ),
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder of weights; else the shipped ones.")] = None,
    assets: Annotated[Path | None, typer.Option("--assets", help="Folder of hair, brows and lashes (CC0).")] = None,
    faces: Annotated[int | None, typer.Option(min=1, help="Faces to render; else enough for the recipe.")] = None,
    close_ups: Annotated[int | None, typer.Option(min=0, help="Patches of skin to render; likewise.")] = None,
    images: Annotated[int | None, typer.Option(min=8, help="Pictures to show; else as the recipe says.")] = None,
    begin_with: Annotated[Path | None, typer.Option("--begin-with", help="What another network has learned.")] = None,
    photographs: Annotated[
        Path | None, typer.Option(help="Folder of albums (folders or ZIP archives): all but swapping.")
    ] = None,
    rate: Annotated[float | None, typer.Option(min=1e-6, max=1e-2, help="Of learning; else the recipe's.")] = None,
) -> ExitStatus:
    """The embedded model, from rendered patients, photographs, or both. A killed run goes on from its checkpoint."""
    from plugin.commands.train import train as run

    run(edit, work, out, assets, faces, close_ups, images, begin_with, photographs, rate, terminal())
    return ExitStatus.RELEASED


@app.command()
@exits
def calibrate(
    folder: Annotated[Path, typer.Argument(help="Folder that holds a folder of photographs for each person.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The threshold file to write (TOML).")],
    name: Annotated[str, typer.Option("--name", help="Of the kind of pictures, as the gate's messages call it.")],
    origin: Annotated[str, typer.Option("--origin", help="What the photographs are and where they come from.")],
    share: Annotated[float, typer.Option(min=0.0, max=0.5, help="Of same-person pairs each may release.")] = 0.05,
    ncc: Annotated[float, typer.Option(min=0.0, max=1.0, help="Texture correlation that still passes.")] = 0.65,
    own_domain: Annotated[bool, typer.Option("--own-domain", help="Take off what all these faces share.")] = False,
) -> ExitStatus:
    """Measure the gate's thresholds on labelled photographs, with ROC, EER, TAR at FAR and bounds."""
    from plugin.commands.calibrate import run

    run(folder, out, name=name, origin=origin, share=share, ncc=ncc, own_domain=own_domain, console=terminal())
    return ExitStatus.RELEASED


@app.command()
@exits
def tune(
    model: ModelOption,
    photographs: Annotated[
        list[Path],
        typer.Option("--photographs", metavar="FOLDER|ZIP", help="Yours, with outlines (NAME_mask.png)."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Knobs to write (TOML); a sheet, its data beside it.")],
    view: ViewOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Photographs in all.")] = 12,
    candidates: Annotated[int, typer.Option("--candidates", min=1, help="Of each edit, to begin with.")] = 16,
    rounds: Annotated[int, typer.Option("--rounds", min=0, help="Of small steps from the best of them.")] = 3,
    side: Annotated[int | None, typer.Option("--side", min=32, help="Of the square, if not the model's own.")] = None,
    bank: BankOption = None,
    device: DeviceOption = "cpu",
    precision: PrecisionOption = None,
    offload: OffloadOption = False,
    calibration: Annotated[str, typer.Option(help="The gate's thresholds, as in [policy].")] = "photographs",
) -> ExitStatus:
    """Search steps, noise and guidance of a larger model's two edits on your own photographs."""
    from pipeline.edits import PublishedChoice
    from pipeline.gate import find_calibration
    from pipeline.tuning import Budget
    from plugin.commands.tune import TuneRequest
    from plugin.commands.tune import run as search

    configure_logs(logging.ERROR)
    choice = PublishedChoice(model, device, precision, offload, bank=bank)
    request = TuneRequest(choice, tuple(photographs), out, view, limit, side, Budget(candidates, rounds=rounds))
    search(request, find_calibration(calibration, Path.cwd()), terminal(stderr=True))
    say(f'{out}: name it as knobs = "{out.resolve()}" in [model]')
    say(f"{out.with_suffix('.png')} shows what was tried, and your photographs: keep it where they may be seen.")
    return ExitStatus.RELEASED


@app.command()
@exits
def check(config: ConfigOption = Path("twinveil.toml"), as_json: JsonOption = False) -> ExitStatus:
    """Configuration, model, key, disk, and what each destination would take of that which would be sent there."""
    from plugin.commands.check import check as run

    configure_logs(logging.ERROR)
    return run(config, load_twins, terminal(), as_json=as_json)


@app.command()
@exits
def conformance() -> ExitStatus:
    """Print the DICOM conformance statement (PS3.2) of this version, in Markdown."""
    from plugin.commands.conformance import conformance_statement

    say(conformance_statement().rstrip())
    return ExitStatus.RELEASED


@app.command()
@exits
def status(config: ConfigOption = Path("twinveil.toml"), as_json: JsonOption = False) -> ExitStatus:
    """What waits, and for what: studies, destinations and their backlog, quarantine, disk, alarms."""
    from plugin.commands.status import show

    show(load_configuration(config), as_json=as_json)
    return ExitStatus.RELEASED


@app.command()
@exits
def reprocess(
    digest: Annotated[str, typer.Argument(help="Digest of a source or a study, from a manifest, or how it begins.")],
    reviewer: ReviewerOption,
    reason: ReasonOption,
    config: ConfigOption = Path("twinveil.toml"),
) -> ExitStatus:
    """Take what was delivered or discarded once more when it is sent again; its new twins get new UIDs."""
    from plugin.auditing import AuditTrail
    from plugin.quarantine import Review

    configuration = load_configuration(config)
    key = SiteKey.from_file(configuration.key_path)
    review = Review(configuration.state_folder, key, configuration.records, AuditTrail(configuration))
    rows = review.reprocess(digest, reviewer=reviewer, reason=reason)
    say(f"{len(rows)} instances are wanted again; have them sent once more")
    return ExitStatus.RELEASED


add_examples(app)
