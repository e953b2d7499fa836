"""Settings common to every way of running. Everything that differs between machines is an environment variable."""

import os

from engine import logs
from engine.embedded.places import CHECKOUT, var_folder
from engine.settings import environment
from engine.settings.secret_key import kept_secret_key

BASE_DIR = CHECKOUT
VAR_DIR = var_folder()

DEBUG = environment.flag("LATHE_DEBUG")
SECRET_KEY = os.environ.get("LATHE_SECRET_KEY") or kept_secret_key(VAR_DIR)
ALLOWED_HOSTS = environment.words("LATHE_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = environment.words("LATHE_TRUSTED_ORIGINS", "")

ROOMS = [
    "storage",
    "workforce",
    "sourcing",
    "generation",
    "selection",
    "artistry",
    "alignment",
    "datasets",
    "flywheel",
]

INSTALLED_APPS = [
    "annotation_ui",  # first: its sign-in page takes the place of allauth's
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_vite",
    "django_structlog",
    "storages",
    "engine",
    *(f"engine.{room}" for room in ROOMS),
]
MIGRATION_MODULES = {room: f"migrations.{room}" for room in ROOMS}

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "engine.content_security.ContentSecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
]

ROOT_URLCONF = "engine.urls"
WSGI_APPLICATION = "engine.wsgi.application"
ASGI_APPLICATION = "engine.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "engine" / "templates"],  # before the apps': the admin's first page is ours
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {"default": environment.database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

AUTH_USER_MODEL = "workforce.User"
AUTHENTICATION_BACKENDS = [
    "engine.workforce.authentication.PeopleBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
UNFOLD = {
    "SITE_TITLE": "Lathe",
    "SITE_HEADER": "Lathe",
    "DASHBOARD_CALLBACK": "engine.flywheel.dashboard.add_flywheel",
    "COLORS": {  # the accent of the annotation UI
        "primary": {
            "50": "#e7f6fb",
            "100": "#d3e9f2",
            "200": "#a6d3e5",
            "300": "#77bcd8",
            "400": "#52a9cd",
            "500": "#3b9dc6",
            "600": "#1f84ad",
            "700": "#0f759c",
            "800": "#00658a",
            "900": "#04506c",
            "950": "#033748",
        }
    },
}

LATHE_OPEN_SIGNUP = environment.flag("LATHE_OPEN_SIGNUP")
ACCOUNT_ADAPTER = "engine.accounts.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "engine.accounts.IdentityProviderAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"

LATHE_OIDC_ROLES = environment.roles("LATHE_OIDC_ROLES")
LATHE_SIGN_IN_ORIGINS: list[str] = []  # where the sign-in form may lead
if os.environ.get("LATHE_OIDC_SERVER_URL"):
    # Identity providers send people on to others, so any encrypted address is allowed, and the configured one.
    LATHE_SIGN_IN_ORIGINS = ["https:", environment.origin(os.environ["LATHE_OIDC_SERVER_URL"])]
    INSTALLED_APPS.append("allauth.socialaccount.providers.openid_connect")
    SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [environment.openid_connect_app()]}}

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
WHITENOISE_USE_FINDERS = True  # serves static files from where they lie: nothing to collect first
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/annotation_ui/dist/assets/.+$"  # Vite puts a hash into these names
VITE_BUNDLE = BASE_DIR / "annotation_ui" / "static" / "annotation_ui" / "dist"
DJANGO_VITE = {
    "default": {
        "dev_mode": environment.flag("LATHE_VITE_DEV"),
        "manifest_path": VITE_BUNDLE / "manifest.json",
        "static_url_prefix": "annotation_ui/dist",
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "engine.workforce.authentication.TokenAuthentication",  # first: who is not signed in gets 401, not 403
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "rest_framework.parsers.JSONParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_SCHEMA_CLASS": "engine.workforce.openapi.Schema",
    "DEFAULT_PAGINATION_CLASS": "engine.pagination.NewestFirst",
    "DEFAULT_THROTTLE_RATES": {"sign_in": os.environ.get("LATHE_SIGN_IN_RATE", "120/min")},
    "EXCEPTION_HANDLER": "engine.api_errors.problem_response",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Lathe",
    "DESCRIPTION": "An open data engine for single-image 3D.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "AnswerEnum": "engine.selection.serializers.ANSWERS",
        "SideEnum": "engine.selection.serializers.SIDES",
        "MeshUploadStatusEnum": "engine.artistry.models.MeshUpload.Status",
        "OpinionStateEnum": "engine.workforce.models.SecondOpinion.State",
        "SnapshotStatusEnum": "engine.datasets.models.Snapshot.Status",
        "PhaseEnum": "engine.selection.serializers.PHASES",
        "BallotPhaseEnum": "engine.flywheel.voting.serializers.PHASES",
        "EvaluationStateEnum": "engine.flywheel.voting.models.Evaluation.State",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_AGE = 14 * 24 * 3600
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024**2
LATHE_OBJECT_STORE_ORIGINS = environment.words("LATHE_OBJECT_STORE_ORIGINS", "")

LATHE_STORAGE_URL = environment.storage_url()
LATHE_URL_SECONDS = 12 * 3600  # a signed URL is good for this long at least
CELERY_BROKER_URL = environment.broker_url()

LATHE_LEASE_SECONDS = environment.numbers_by_name(
    "LATHE_LEASE_SECONDS", {"mask": 60, "selection": 300, "alignment": 600, "artist": 3 * 86400, "evaluation": 300}
)
LATHE_MAX_UPLOAD_BYTES = 200 * 2**20  # of a mesh that an artist sends
LATHE_MAX_SKIPS = 3  # skipped by so many people, a work item goes to the end of the queue
LATHE_MIN_MASK_PX = int(os.environ.get("LATHE_MIN_MASK_PX", "16"))  # a smaller mask indicates nothing

# Photographs that pass nobody's eyes: 0 switches a filter off (engine/sourcing/screening.py).
LATHE_SCREENING = environment.numbers_by_name(
    "LATHE_SCREENING",
    {
        "min_side_px": 240,
        "min_sharpness": 0.0004,
        "min_contrast": 0.06,
        "max_blockiness": 2.2,
        "near_duplicate_bits": 6,
    },
)
LATHE_RECOGNITION = environment.flag("LATHE_RECOGNITION")  # model workers name and mark the objects of new photographs
LATHE_DEPTH = environment.estimates_point_maps()  # model workers estimate point maps where none is given
LATHE_DEPTH_SECONDS = float(os.environ.get("LATHE_DEPTH_SECONDS", "300"))  # and may take so long for one
# A photograph without a target becomes a task for people after so long; 0: never.
LATHE_PROPOSE_AFTER_SECONDS = float(os.environ.get("LATHE_PROPOSE_AFTER_SECONDS", "600"))
LATHE_ASSIST_SECONDS = float(os.environ.get("LATHE_ASSIST_SECONDS", "8"))  # a page waits so long for a segmenter

# Training runs: how long one may wait for a free trainer, how long it may then be silent, how often it is sent.
LATHE_TRAINING_QUEUE_SECONDS = int(os.environ.get("LATHE_TRAINING_QUEUE_SECONDS", "3600"))
LATHE_TRAINING_SILENCE_SECONDS = int(os.environ.get("LATHE_TRAINING_SILENCE_SECONDS", "300"))
LATHE_TRAINING_ATTEMPTS = int(os.environ.get("LATHE_TRAINING_ATTEMPTS", "3"))

# A run of a generator: seconds it may take, seconds in the queue before it is sent again, how often it is tried.
LATHE_GENERATION_SECONDS = float(os.environ.get("LATHE_GENERATION_SECONDS", "90"))
LATHE_GENERATION_QUEUE_SECONDS = float(os.environ.get("LATHE_GENERATION_QUEUE_SECONDS", "3600"))
LATHE_GENERATION_ATTEMPTS = int(os.environ.get("LATHE_GENERATION_ATTEMPTS", "3"))
# Limits on the canonical mesh of a candidate.
LATHE_MESH_MAX_BYTES = int(os.environ.get("LATHE_MESH_MAX_BYTES", str(64 * 2**20)))
LATHE_MESH_MAX_FACES = int(os.environ.get("LATHE_MESH_MAX_FACES", "1000000"))

logs.configure_structlog()
LOGGING = logs.logging_config()
DJANGO_STRUCTLOG_CELERY_ENABLED = True
