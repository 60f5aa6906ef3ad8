"""The use cases of secrets: set, listed and deleted; a value goes in and never comes out."""

from collections.abc import Sequence

from dispatchserver.domain.authorization import MtlsAuth, credentials
from dispatchserver.domain.errors import SecretNotFound
from dispatchserver.domain.secrets import (
    SecretKey,
    SecretStatus,
    check_secret_name,
    check_secret_value,
)
from dispatchserver.ports import Actor, Clock
from dispatchserver.registries import CheckPair, Secrets


class SecretCases:
    """Every change is durable when its method returns, and holds for every attempt that is claimed from then on."""

    def __init__(self, secrets: Secrets, clock: Clock, check_pair: CheckPair) -> None:
        self._secrets = secrets
        self._clock = clock
        self._check_pair = check_pair

    async def put(
        self, key: SecretKey, value: str, actor: Actor, *, only_new: bool = False
    ) -> bool:
        """Makes the secret, or gives it another value; True where it is new. Raises Invalid, also for a value
        that a task which uses the secret could not send, and for one that is there where it must be new."""
        check_secret_name(key.name)
        value = check_secret_value(value)
        for auth in await self._secrets.uses(key):
            credentials(auth, value)
            if isinstance(auth, MtlsAuth):
                self._check_pair(value)
        now = self._clock.now()
        return await self._secrets.put(key, value, actor, now, only_new=only_new)

    async def list(self, namespace: str) -> Sequence[SecretStatus]:
        """All secrets, by name."""
        return await self._secrets.list(namespace)

    async def find(self, key: SecretKey) -> SecretStatus:
        """The secret; raises SecretNotFound with the nearest names."""
        standing = await self._secrets.list(key.namespace)
        for secret in standing:
            if secret.key == key:
                return secret
        raise SecretNotFound(key.name, [secret.key.name for secret in standing])

    async def delete(self, key: SecretKey, actor: Actor) -> None:
        """Forgets the secret; raises SecretNotFound, SecretInUse."""
        await self._secrets.delete(key, actor, self._clock.now())
