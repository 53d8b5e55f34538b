//! What the hub's OpenAPI document says of texts that have a form.

use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::ids::{Md5, Name, Part, SiteName};

/// Types that are texts of one form.
macro_rules! texts {
    ($($of:ty: $pattern:literal, $description:literal;)+) => {$(
        impl PartialSchema for $of {
            fn schema() -> RefOr<Schema> {
                let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some($pattern));
                text.description(Some($description)).into()
            }
        }

        impl ToSchema for $of {}
    )+};
}

texts! {
    SiteName: "^[a-z][a-z0-9-]{0,39}$", "A site.";
    Name: "^[a-z_][a-z0-9_]{0,62}$", "A table or a column.";
    Md5: "^[0-9a-f]{32}$", "An MD5 digest.";
    Part: "^(dt=[0-9]{4}-[0-9]{2}-[0-9]{2}|b=[0-9]+of[0-9]+)$", "A partition: the rows of one date, or one bucket of keys.";
}
