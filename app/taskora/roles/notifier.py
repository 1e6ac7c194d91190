"""The notifier: reminders that fired become notifications."""

from taskora.asgi import application
from taskora.deliveries import LIMIT
from taskora.events.subscriber import Consumer
from taskora.roles.ground import Ground
from taskora.roles.serve import Served
from taskora.settings import Role, Settings


def build(settings: Settings) -> Served:
    ground = Ground(settings, Role.NOTIFIER)
    app = application(ground.health)
    Consumer(ground.database, name=Role.NOTIFIER.value).subscribe(app)
    return ground.served(app, limit=LIMIT)
