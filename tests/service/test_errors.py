from service.errors import ErrorFactory, Errors, reused_errors


def test_the_reused_errors_are_one_object_each() -> None:
    """Every caller gets the same object, which is why it leaks."""
    assert Errors.user_not_found is reused_errors()["user_not_found"]


def test_the_factory_constructs_a_new_object_each_time() -> None:
    """Two raises share nothing."""
    assert ErrorFactory.user_not_found() is not ErrorFactory.user_not_found()


def test_both_styles_return_the_same_to_a_client() -> None:
    """They differ only in the lifetime of the object."""
    for name, reused in reused_errors().items():
        new = getattr(ErrorFactory, name)()
        assert (new.args, new.code) == (reused.args, name)
