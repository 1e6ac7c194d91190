"""What backups are made of, and how they are judged."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from taskora_operator.api.status import LastBackup
from taskora_operator.desired import desired
from taskora_operator.desired.model import Action, Desired, Gate
from taskora_operator.profiles import resolve
from taskora_operator.reconcile.backups import complaint, judge, newest, stored
from taskora_operator.reconcile.found import Found, observe

from tests.specs import SECRETS, facts, spec

S3 = {"bucket": "dumps", "secretRef": {"name": "spaces"}}
AT = datetime(2026, 3, 1, 3, tzinfo=UTC)
LAST = LastBackup(name="taskora-20260301T030000Z", time=AT, bytes=1, sha256="a")


def wanted(backup: dict[str, Any] | None, name: str = "local", **changes: Any) -> Desired:
    secrets = changes.pop("secrets", SECRETS)
    return desired(resolve(spec(name, backup=backup, **changes)), facts(secrets=secrets))


def made(wish: Desired, kind: str, name: str) -> dict[str, Any]:
    return next(o.manifest for o in wish.objects if o.key.kind == kind and o.key.name == name)


def names(wish: Desired) -> set[str]:
    return {str(o.key) for o in wish.objects if o.component in ("backup", "restore")}


def environment(container: dict[str, Any]) -> dict[str, Any]:
    return {v["name"]: v.get("value", v.get("valueFrom")) for v in container["env"]}


def test_without_a_word_about_backups_nothing_is_made() -> None:
    assert not names(wanted(None))


def test_a_volume_of_dumps_outlives_the_instance_like_its_data_does() -> None:
    wish = wanted({"schedule": "0 3 * * *"})
    assert names(wish) == {"ConfigMap/taskora-backup", "CronJob/taskora-backup", "PersistentVolumeClaim/taskora-backup"}
    volume = next(o for o in wish.objects if o.key.name == "taskora-backup" and o.key.kind == "PersistentVolumeClaim")
    assert volume.retained
    assert volume.manifest["spec"]["resources"]["requests"]["storage"] == "2Gi", "as much as the database has"
    pod = made(wish, "CronJob", "taskora-backup")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert {"name": "shelf", "persistentVolumeClaim": {"claimName": "taskora-backup"}} in pod["volumes"]
    assert environment(pod["containers"][0])["TASKORA_BACKUP_URL"] == "file:///backups"


def test_the_dump_is_made_by_the_databases_own_programs_and_as_its_owner() -> None:
    wish = wanted({}, database={"inCluster": {"image": "postgres:16"}})
    pod = made(wish, "CronJob", "taskora-backup")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (dump,), (store,) = pod["initContainers"], pod["containers"]
    server = made(wish, "StatefulSet", "taskora-postgres")["spec"]["template"]["spec"]["containers"][0]
    assert dump["image"] == server["image"] == "postgres:16"
    assert environment(dump)["DATABASE_URL"] == {"secretKeyRef": {"name": "taskora-database", "key": "owner-url"}}
    assert store["args"] == ["backup", "store"]
    assert environment(store)["TASKORA_BACKUP_KEEP"] == "7"
    other = made(wanted({"image": "postgres:17"}), "CronJob", "taskora-backup")
    assert "postgres:17" in json.dumps(other)


def test_storage_that_speaks_s3_is_named_without_its_keys() -> None:
    wish = wanted({"destination": "S3", "s3": {**S3, "endpoint": "http://minio.storage.svc:9000", "region": "eu"}})
    assert "PersistentVolumeClaim/taskora-backup" not in names(wish)
    cron = made(wish, "CronJob", "taskora-backup")
    pod = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    told = environment(pod["containers"][0])
    assert told["TASKORA_BACKUP_URL"] == "s3://dumps/tasks/taskora", "two instances don't meet in one bucket"
    assert told["TASKORA_BACKUP_ENDPOINT"] == "http://minio.storage.svc:9000"
    assert told["TASKORA_BACKUP_SECRET_ACCESS_KEY"] == {"secretKeyRef": {"name": "spaces", "key": "secret-access-key"}}
    assert not any(volume["name"] == "shelf" for volume in pod["volumes"])
    policy = made(wish, "NetworkPolicy", "taskora-backup")
    assert {"ports": [{"port": 9000, "protocol": "TCP"}]} in policy["spec"]["egress"]


@pytest.mark.parametrize(("backup", "suspend"), [({}, True), ({"schedule": "@daily"}, False)])
def test_without_a_schedule_it_only_runs_by_hand(backup: dict[str, Any], suspend: bool) -> None:
    assert made(wanted(backup), "CronJob", "taskora-backup")["spec"]["suspend"] is suspend


def test_a_suspended_instance_is_not_backed_up_and_not_restored() -> None:
    wish = wanted({"schedule": "@daily", "restoreFrom": {"name": "a"}}, suspended=True)
    assert made(wish, "CronJob", "taskora-backup")["spec"]["suspend"] is True
    assert "Job/taskora-restore" not in names(wish)


@pytest.mark.parametrize(
    ("source", "url", "claim"),
    [
        ({}, "file:///backups", "taskora-backup"),
        ({"claimName": "old-backup"}, "file:///backups", "old-backup"),
        ({"s3": {**S3, "prefix": "old/taskora"}}, "s3://dumps/old/taskora", None),
    ],
)
def test_what_a_new_instance_begins_with_is_fetched_from_where_it_lies(
    source: dict[str, Any], url: str, claim: str | None
) -> None:
    wish = wanted({"restoreFrom": {"name": "taskora-20260301T030000Z", **source}})
    job = next(o for o in wish.objects if o.key.name == "taskora-restore" and o.key.kind == "Job")
    assert (job.gate, job.action) == (Gate.RESTORE, Action.RUN_ONCE)
    pod = job.manifest["spec"]["template"]["spec"]
    (fetch,), (restore,) = pod["initContainers"], pod["containers"]
    assert fetch["args"] == ["backup", "fetch", "taskora-20260301T030000Z"]
    assert environment(fetch)["TASKORA_BACKUP_URL"] == url
    assert environment(restore)["BACKUP"] == "taskora-20260301T030000Z"
    claims = [v["persistentVolumeClaim"]["claimName"] for v in pod["volumes"] if v["name"] == "shelf"]
    assert claims == ([claim] if claim else [])
    assert made(wish, "NetworkPolicy", "taskora-restore")


def test_the_restore_comes_before_the_migration() -> None:
    gates = {o.key.name: o.gate for o in wanted({"restoreFrom": {"name": "a"}}).objects if o.key.kind == "Job"}
    (migration,) = [gate for name, gate in gates.items() if "migrate" in name]
    assert Gate.MESSAGING < gates["taskora-restore"] < migration


def test_storage_without_its_secret_is_told_where_it_matters() -> None:
    s3 = {"destination": "S3", "s3": S3}
    (problem,) = wanted(s3, secrets={}).problems
    assert (problem.condition, problem.reason) == ("BackupsHealthy", "SecretMissing")
    assert "access-key-id" in problem.message
    conditions = [p.condition for p in wanted({**s3, "restoreFrom": {"name": "a"}}, secrets={}).problems]
    assert conditions == ["BackupsHealthy", "PrerequisitesMet"], "nothing begins without what it is restored from"


# How they stand


def job(number: int, *, failed: bool = False, running: bool = False) -> Found:
    at = (AT + timedelta(hours=number)).isoformat()
    kind = "Failed" if failed else "Complete"
    ended = {"conditions": [{"type": kind, "status": "True", "lastTransitionTime": at, "message": "backoff limit"}]}
    status = {} if running else ended | ({} if failed else {"completionTime": at})
    metadata = {"name": f"taskora-backup-{number}", "uid": f"u{number}", "resourceVersion": "1"}
    return observe({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {}, "status": status})


def test_the_job_that_ended_last_counts_and_one_that_runs_does_not() -> None:
    jobs = [job(2), job(3, failed=True), job(1), job(4, running=True)]
    ended, good = newest(jobs, instance="taskora")
    assert ended is not None
    assert good is not None
    assert (ended.uid, good.uid) == ("u3", "u2")
    assert newest(jobs, instance="other") == (None, None)


def test_a_failed_backup_is_told_with_its_last_words_and_the_last_good_one() -> None:
    told = judge(job(1, failed=True), last=LAST, words="no space left on device", scheduled=True)
    assert (told.status, told.reason) == ("False", "BackupFailed")
    assert "no space left on device" in told.message
    assert LAST.name in told.message
    assert "There is no good one" in judge(job(1, failed=True), last=None, words="", scheduled=True).message


def test_a_good_backup_after_a_failed_one_heals() -> None:
    assert judge(job(2), last=LAST, words="", scheduled=True).status == "True"


def test_before_the_first_nothing_is_wrong() -> None:
    told = judge(None, last=None, words="", scheduled=False)
    assert (told.status, told.reason) == ("True", "NoneYet")
    assert "kubectl taskora backup" in told.message


def pod(name: str, message: str, code: int, *, init: bool = False, at: int = 0) -> dict[str, Any]:
    ended = {"name": "c", "state": {"terminated": {"exitCode": code, "message": message}}}
    metadata = {"name": name, "creationTimestamp": (AT + timedelta(minutes=at)).isoformat()}
    return {"metadata": metadata, "status": {"initContainerStatuses" if init else "containerStatuses": [ended]}}


def test_what_a_pod_stored_is_read_from_its_last_words() -> None:
    words = LAST.model_dump_json(by_alias=True)
    assert stored([pod("a", "", 1), pod("b", words, 0)]) == LAST
    assert stored([pod("a", "no JSON", 0)]) is None
    assert stored([]) is None


def test_a_complaint_is_the_newest_failed_containers_last_line() -> None:
    pods = [
        pod("a", "old", 1),
        pod("b", 'x\n{"level": "error", "message": "The bucket is not there"}', 1, at=1),
        pod("c", "fine", 0, at=2),
    ]
    assert complaint(pods) == "The bucket is not there"
    assert complaint([pod("a", "pg_dump: error: no", 1, init=True)]) == "pg_dump: error: no"
    assert complaint([]) == ""
