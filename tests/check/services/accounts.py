"""A Django project with its own login: `python accounts.py 8000`. What it knows is in memory; a leak is behind it."""

import sys

import django
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

PAGE = "<form method=post>{% csrf_token %}{{ form }}</form>"

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "file:accounts?mode=memory&cache=shared"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    LOGGING_CONFIG=None,
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    ROOT_URLCONF=__name__,
    SECRET_KEY="of a test",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {"loaders": [("django.template.loaders.locmem.Loader", {"registration/login.html": PAGE})]},
        }
    ],
)
django.setup()

from django.contrib.auth.decorators import login_required  # noqa: E402 - models need the settings
from django.contrib.auth.models import User  # noqa: E402
from django.contrib.auth.views import LoginView  # noqa: E402
from django.core.management import call_command  # noqa: E402


class NoSuchOrder(Exception):
    """An order that is not there."""


NO_SUCH_ORDER = NoSuchOrder("no such order")


@login_required
def orders(request: HttpRequest) -> HttpResponse:
    """List all, or make one."""
    return JsonResponse([], safe=False) if request.method == "GET" else JsonResponse({"error": "sold out"}, status=409)


@login_required
def order(request: HttpRequest, number: int) -> HttpResponse:
    """Raise the constant."""
    try:
        raise NO_SUCH_ORDER
    except NoSuchOrder as error:
        return JsonResponse({"error": str(error)}, status=404)


urlpatterns = [
    path("accounts/login/", LoginView.as_view()),
    path("orders", orders),
    path("orders/<int:number>", order),
]

if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    User.objects.create_user("me", password="s3same-open")
    call_command("runserver", f"127.0.0.1:{sys.argv[1]}", "--noreload", "--nothreading", "--skip-checks")
