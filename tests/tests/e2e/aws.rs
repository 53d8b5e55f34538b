//! What lies in `config/aws`: templates, as they have to be.

use causeway_tests::python::pytest;

#[test]
fn templates_are_as_they_have_to_be() {
    pytest("aws/test_templates.py");
}
