"""What the operator hands over: docs/environment.md, and nothing else, becomes one frozen object.

Credentials are `SecretStr`, so that a settings object may be logged.
"""

from enum import StrEnum
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

BUILTIN = "Builtin"
"""Who answers in the chat where nobody else is named: a grammar, no model."""


class Role(StrEnum):
    FRONTEND = "frontend"
    BACKEND = "backend"
    SCHEDULER = "scheduler"
    NOTIFIER = "notifier"
    AUDIT = "audit"
    INSIGHTS = "insights"


class Registration(StrEnum):
    OPEN = "Open"
    CLOSED = "Closed"


class SecretStore(StrEnum):
    KUBERNETES = "Kubernetes"
    GCP_SECRET_MANAGER = "GCPSecretManager"  # noqa: S105 -- the name of a store
    AZURE_KEY_VAULT = "AzureKeyVault"


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Settings(BaseSettings):
    """The process's environment. Fields without an alias are read as `TASKORA_{NAME}`."""

    model_config = SettingsConfigDict(env_prefix="TASKORA_", frozen=True, extra="ignore")

    instance: str = "taskora"
    namespace: str = "default"
    version: str = "dev"
    log_level: LogLevel = LogLevel.INFO
    external_url: str = "http://localhost:8000"
    registration: Registration = Registration.OPEN
    # Requests a second that one session may make, over a longer time; 0: any number.
    rate_limit: float = Field(default=100, ge=0)
    drain_seconds: float = Field(default=5, ge=0)
    pod_name: str = Field(default="local", validation_alias="POD_NAME")

    database_secret: str = "taskora-database"  # noqa: S105 -- the name of a Secret
    database_url: SecretStr | None = None
    database_owner_url: SecretStr | None = None
    database_pool: int = Field(default=10, ge=1, le=200)
    secret_store: SecretStore = SecretStore.KUBERNETES
    topic_prefix: str = ""
    chat_provider: str = BUILTIN
    session_secret: str = "taskora-session-keys"  # noqa: S105 -- the name of a Secret
    session_key: SecretStr | None = None
    admin_email: str | None = None
    admin_password: SecretStr | None = None
    termination_log: Path = Path("/dev/termination-log")

    dapr_endpoint: str = Field(default="http://127.0.0.1:3500", validation_alias="DAPR_HTTP_ENDPOINT")
    dapr_api_token: SecretStr = Field(default=SecretStr(""), validation_alias="DAPR_API_TOKEN")
    app_api_token: SecretStr = Field(default=SecretStr(""), validation_alias="APP_API_TOKEN")

    host: str = "0.0.0.0"  # noqa: S104 -- a pod's own network
    app_port: int = 8080
    web_port: int = 8000
    metrics_port: int = 9090

    @cached_property
    def external_origin(self) -> str:
        """Scheme and authority of `external_url`: what a browser sends as `Origin`."""
        parts = urlsplit(self.external_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def secure(self) -> bool:
        """Whether browsers come over https; decides the session cookie's name."""
        return self.external_url.startswith("https://")
