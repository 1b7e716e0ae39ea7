from service.errors import ErrorFactory, Errors, reused_errors


def test_the_reused_errors_are_one_object_each() -> None:
    """Whoever asks gets the same one: that is the trap."""
    assert Errors.user_not_found is reused_errors()["user_not_found"]


def test_the_factory_builds_a_fresh_object_each_time() -> None:
    """Two raises share nothing."""
    assert ErrorFactory.user_not_found() is not ErrorFactory.user_not_found()


def test_both_styles_say_the_same_to_a_client() -> None:
    """Only the object's lifetime differs."""
    for name, reused in reused_errors().items():
        fresh = getattr(ErrorFactory, name)()
        assert (fresh.args, fresh.code) == (reused.args, name)
