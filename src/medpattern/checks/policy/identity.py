"""Patients' names and numbers where everybody reads them: names, labels, annotations, keys, buckets, topics."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from medpattern.checks.manifests import Manifest, value_at
from medpattern.checks.policy.reading import Text, map_at, mapping, named, remembered, texts
from medpattern.checks.rules import Breach, Platform, Rule
from medpattern.findings import KeyPath

# Attributes of DICOM's patient and study modules, and the numbers that countries and hospitals give people.
_ATTRIBUTES = re.compile(
    r"patient'?s?(id|name|birthdate|birthday|address|phone|email|sex|age|mrn)|issuerofpatientid|medicalrecord(number|no)"
    r"|accessionnumber|dateofbirth|nhsnumber|socialsecurity|insurancenumber"
)
_TOKENS = frozenset({"mrn", "dob", "ssn"})
_MRN = re.compile(r"(?:^|[^a-z])(?:mrn|medrec|patient(?:id)?|pat)[-_.:=# ]?0*\d{3,}", re.IGNORECASE)
_DICOM_NAME = re.compile(r"\b[A-Z][A-Za-z'-]+\^[A-Z][A-Za-z'-]+")
_PERSON = re.compile(r"(?:^|[^a-z])patients?[-_./]([a-z]+)[-_.]([a-z]+)", re.IGNORECASE)
# Words after `patient-` that speak of no person.
_GENERAL = named(
    "access alert alerts api app archive audit backup bucket care cache channel classifier dashboard data"
    " database db dead dispatcher event events export fhir flow gateway history identity image images index"
    " info ingest intake key keys letters list log logs lookup management map mapping master mirror model"
    " monitor notes notification notifications personal portal processed processor profile pseudonym pseudonyms"
    " queue raw record records registry report reports result results safety scan scans search secret secrets"
    " service services source staging store summary table test topic topics ui view vitals volume web work xray"
    " xrays"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SPLIT = re.compile(r"[^a-z0-9]+")
_STORED = re.compile(r"(^|_)(BUCKET|TOPIC|PREFIX|GROUP|KEY_TEMPLATE|OBJECT_KEY)(_|$)")
_FIELDS = frozenset({"bucketName", "topicName", "topics", "consumerGroup", "topic", "bucket", "prefix", "generateName"})


def patient_identity(manifest: Manifest, _platform: Platform) -> Iterator[Breach]:
    """Names and numbers of patients in what is logged, listed and shown without a question."""
    cure = "name it by a pseudonym (a keyed hash), or by what it is and not by whom it is about"
    for path, key in _keys(manifest):
        if names_identity(key):
            yield Breach(
                path, f"the key '{key}' is for a patient's identity, and such keys are read by everybody", cure
            )
    for text in _shown(manifest):
        if holds_identity(text.text):
            yield Breach(text.path, "looks like a patient's name or number, and it is read by everybody", cure)


@remembered
def names_identity(key: str) -> bool:
    """Whether a key is that of something that tells who a patient is: `PatientID`, `mrn`, `date-of-birth`."""
    words = _SPLIT.split(_CAMEL.sub("-", key).lower())
    return bool(_ATTRIBUTES.search("".join(words)) or _TOKENS & set(words))


@remembered
def holds_identity(text: str) -> bool:
    """Whether a name or short text tells who a patient is: `mrn-004711`, `DOE^JANE`, `patient-jane-doe`."""
    person = _PERSON.search(text)
    is_person = bool(person) and not {person[1].lower(), person[2].lower()} & _GENERAL if person else False
    return is_person or bool(_MRN.search(text) or _DICOM_NAME.search(text)) or names_identity(text)


def _keys(manifest: Manifest) -> Iterator[tuple[KeyPath, str]]:
    """The keys of labels, annotations and of the files in ConfigMaps and Secrets."""
    bases: list[KeyPath] = [("data",), ("stringData",), ("binaryData",)]
    bases += [(*base, key) for base in _metadata(manifest) for key in ("labels", "annotations")]
    for base in bases:
        for key in mapping(value_at(manifest.data, base)):
            yield (*base, key), str(key).rpartition("/")[2]


def _metadata(manifest: Manifest) -> Iterator[KeyPath]:
    yield ("metadata",)
    for base in (("spec", "template"), ("spec", "jobTemplate"), ("spec", "jobTemplate", "spec", "template")):
        if map_at(manifest.data, *base, "metadata"):
            yield (*base, "metadata")


def _shown(manifest: Manifest) -> Iterator[Text]:
    """Names, values of labels and annotations, and the names of buckets, topics and prefixes."""
    for text in texts(manifest):
        if len(text.text) <= _shown_up_to(text.path, text.name):
            yield text


@remembered
def _shown_up_to(path: KeyPath, name: str) -> float:
    """The length, in characters, up to which a text at `path` is a name that is shown; -1 if it is none."""
    if path[0] == "metadata" or ("metadata" in path and path[0] == "spec"):
        return 256
    return math.inf if _FIELDS & set(path[-2:]) or _STORED.search(name.upper()) else -1


RULES = (Rule("patient-identity", patient_identity),)
