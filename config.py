"""Settings from the environment, and the one place where a Temporal client is made."""

import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.api.workflowservice.v1 import GetClusterInfoRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverter,
    DefaultFailureConverterWithEncodedAttributes,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
    PayloadCodec,
)
from temporalio.envconfig import ClientConfig
from temporalio.runtime import Runtime
from temporalio.service import RPCError

from activities.links import Links, fit_secrets
from activities.look import COLOUR, LINK, Look, fit_case_url, fit_colour, fit_logo
from domain.misfits import in_words
from domain.webhooks import Network, networks
from workflows.kernel import attributes

HERE = Path(__file__).parent


class ConfigurationError(Exception):
    """A setting is missing or wrong; the message is one sentence that says what to do."""


class Settings(BaseSettings):
    """What a worker and the command line need to know. Secrets come only from the environment.

    Temporal's address, namespace, TLS and API key are its own standard settings
    (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_…, or a profile).
    """

    model_config = SettingsConfigDict(env_prefix="RECOURSE_", extra="ignore")

    database_url: str = Field(
        default="sqlite:///.recourse/recourse.db",
        validation_alias=AliasChoices("DATABASE_URL", "database_url"),
    )
    task_queue: str = "recourse"
    cached_cases: int = Field(default=2_000, ge=10, le=100_000)
    steps_at_once: int = Field(default=100, ge=2, le=1_000)
    pollers: int = Field(default=5, ge=2, le=100)
    activity_threads: int = Field(default=20, ge=1, le=200)
    policies: Path = HERE / "policies"
    marketplace_url: str = ""
    marketplace_token: SecretStr = SecretStr("")
    marketplace_timeout_seconds: float = Field(default=10, gt=0, le=12)
    smtp_host: str = ""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_starttls: bool = True
    mail_from: str = ""
    mail_name: str = "Recourse"
    mail_domain: str = "recourse.example"
    case_url: Annotated[str, AfterValidator(fit_case_url)] = ""
    link_secrets: SecretStr = SecretStr("")
    link_days: int = Field(default=30, ge=1, le=400)
    brand_colour: Annotated[str, AfterValidator(fit_colour)] = COLOUR
    brand_logo: Annotated[str, AfterValidator(fit_logo)] = ""
    metrics_address: str = "127.0.0.1:9464"
    health_address: str = "127.0.0.1:8460"
    api_address: str = "127.0.0.1:8480"
    api_keys: str = ""
    api_issuer: str = ""
    api_audience: str = "recourse"
    api_requests_a_minute: int = Field(default=600, ge=0, le=10**9)
    api_platform_requests_a_minute: int = Field(default=30_000, ge=0, le=10**9)
    webhooks_may_reach: str = ""
    files: Path = Path(".recourse/files")
    scanner_url: str = ""

    @classmethod
    def read(cls, **given: Any) -> Self:
        """The settings, or one sentence that names what is wrong with them."""
        try:
            return cls(**given)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]).upper()
            name = name if name == "DATABASE_URL" else f"RECOURSE_{name}"
            raise ConfigurationError(f"Set {name} rightly: it {in_words(first)}.") from None

    @property
    def look(self) -> Look:
        """How letters look, and where they lead."""
        return Look(self.brand_colour, self.brand_logo, self.case_url)

    @property
    def links(self) -> Links | None:
        """Who makes and reads signed links to cases; None where no secret is set."""
        secrets = fit_secrets(self.link_secrets.get_secret_value())
        return Links(secrets, self.link_days) if secrets else None

    @property
    def inside(self) -> tuple[Network, ...]:
        """The networks that webhooks may reach though they are inside, and without TLS."""
        return networks(self.webhooks_may_reach)

    @field_validator("webhooks_may_reach")
    @classmethod
    def _fit_networks(cls, given: str) -> str:
        networks(given)
        return given

    @field_validator("link_secrets")
    @classmethod
    def _fit_secrets(cls, given: SecretStr) -> SecretStr:
        fit_secrets(given.get_secret_value())
        return given

    def for_worker(self) -> Self:
        """The same, once everything that only a worker needs is there."""
        for name in ("marketplace_url", "smtp_host", "mail_from"):
            if not getattr(self, name):
                raise ConfigurationError(
                    f"Set RECOURSE_{name.upper()}: a worker cannot do without."
                )
        if LINK in self.case_url and not self.links:
            raise ConfigurationError(
                "Set RECOURSE_LINK_SECRETS: RECOURSE_CASE_URL asks for signed links."
            )
        if not self.policies.is_dir():
            raise ConfigurationError(f"RECOURSE_POLICIES is no folder: {self.policies}.")
        return self

    def for_api(self) -> Self:
        """The same, once everything that only the API needs is there."""
        for name in ("api_keys", "api_issuer", "api_audience"):
            if not getattr(self, name):
                raise ConfigurationError(f"Set RECOURSE_{name.upper()}: the API cannot do without.")
        return self


def listen(name: str, address: str) -> socket.socket:
    """A socket that listens on HOST:PORT; ConfigurationError, naming the setting, if it cannot."""
    host, _, port = address.rpartition(":")
    try:
        bound = socket.create_server((host, int(port)))
        # Else what is answered in two pieces waits for the reader's word that it has the first.
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except (OSError, ValueError, OverflowError) as error:
        raise ConfigurationError(
            f"Set {name} to a free HOST:PORT; {address} cannot be listened on ({error})."
        ) from None
    return bound


JSON = PydanticJSONPlainPayloadConverter()


class PydanticPayloads(CompositePayloadConverter):
    """Pydantic values in and out.

    Temporal makes one for each running case; what pydantic has learnt of our types, all share.
    """

    def __init__(self) -> None:
        super().__init__(
            *(
                JSON if isinstance(converter, JSONPlainPayloadConverter) else converter
                for converter in DefaultPayloadConverter.default_encoding_payload_converters
            )
        )


def data_converter(codec: PayloadCodec | None = None) -> DataConverter:
    """Pydantic values in and out; with a codec, payloads and failures leave encrypted."""
    return DataConverter(
        payload_converter_class=PydanticPayloads,
        payload_codec=codec,
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes
        if codec
        else DefaultFailureConverter,
    )


async def connect(address: str | None = None, runtime: Runtime | None = None) -> Client:
    """A client from Temporal's standard settings; `address` overrides the address alone."""
    try:
        settings: dict[str, Any] = dict(ClientConfig.load_client_connect_config())
    except (RuntimeError, ValueError, OSError) as error:
        raise ConfigurationError(f"Temporal's settings cannot be read: {error}.") from None
    if address:
        settings["target_host"] = address
    settings.setdefault("target_host", "localhost:7233")
    if runtime:
        settings["runtime"] = runtime
    try:
        return await Client.connect(**settings, data_converter=data_converter())
    except (RuntimeError, RPCError) as error:
        raise UnreachableError(
            f"No Temporal server answers at {settings['target_host']}; start one, "
            "or set TEMPORAL_ADDRESS."
        ) from error


class UnreachableError(Exception):
    """A server that is needed does not answer; the message names it."""


async def missing_attributes(client: Client) -> list[str]:
    """The search attributes that the namespace does not know yet."""
    known = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    return [key.name for key in attributes.ALL if key.name not in known.custom_attributes]


async def add_attributes(client: Client, names: Iterable[str]) -> None:
    """Teach the namespace these search attributes."""
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace=client.namespace,
            search_attributes={
                key.name: IndexedValueType.ValueType(key.indexed_value_type)
                for key in attributes.ALL
                if key.name in names
            },
        )
    )


async def register_attributes(client: Client) -> list[str]:
    """Add the search attributes that are missing; answers which they were."""
    if missing := await missing_attributes(client):
        await add_attributes(client, missing)
    return missing


async def is_development_server(client: Client) -> bool:
    """Whether the server keeps its state in SQLite, as only the development server does."""
    info = await client.workflow_service.get_cluster_info(GetClusterInfoRequest())
    return info.persistence_store == "sqlite"
