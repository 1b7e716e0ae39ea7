"""A Django project in one file: `manage.py runserver 8000`, or `manage:application`."""

import os
import sys

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import path

DENIED = PermissionDenied("staff only")


def leak(request: HttpRequest) -> HttpResponse:
    """Raise the constant."""
    raise DENIED


def fresh(request: HttpRequest) -> HttpResponse:
    """Raise a fresh exception."""
    raise PermissionDenied("staff only")


urlpatterns = [path("leak/<int:item>", lambda request, item: leak(request)), path("fresh", fresh)]

settings.configure(DEBUG=False, ALLOWED_HOSTS=["*"], ROOT_URLCONF="manage", SECRET_KEY="of a test", LOGGING_CONFIG=None)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django.conf.global_settings")
sys.modules.setdefault("manage", sys.modules[__name__])

from django.core.wsgi import get_wsgi_application  # noqa: E402 - it needs the settings

application = get_wsgi_application()

if __name__ == "__main__":
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
