//! Names of tables and columns that are about people.
//!
//! Nobody counts rows by people's names and addresses: a count shows each value to everybody who
//! sees the figures.

use super::names::{fold, singular, words};

/// People, by what they are called.
const PEOPLE: [&str; 43] = [
    "actor",
    "applicant",
    "artist",
    "assignee",
    "author",
    "borrower",
    "buyer",
    "candidate",
    "cashier",
    "client",
    "coach",
    "consultant",
    "contact",
    "customer",
    "doctor",
    "driver",
    "employee",
    "guardian",
    "guest",
    "instructor",
    "khachhang",
    "learner",
    "manager",
    "member",
    "nhanvien",
    "nurse",
    "owner",
    "parent",
    "participant",
    "patient",
    "people",
    "person",
    "player",
    "pupil",
    "recipient",
    "resident",
    "sender",
    "staff",
    "student",
    "teacher",
    "tenant",
    "user",
    "volunteer",
];

/// What people are called, as the whole name of a column. `name` alone may be anybody's or anything's;
/// what rows are counted by has a better name.
const NAMES: [&str; 20] = [
    "name",
    "firstname",
    "lastname",
    "middlename",
    "fullname",
    "forename",
    "surname",
    "givenname",
    "familyname",
    "maidenname",
    "nickname",
    "username",
    "displayname",
    "login",
    "initials",
    "hoten",
    "hovaten",
    "ten",
    "ho",
    "nom",
];

/// Where people are reached, or live, and what tells who they are, as the last word of a name.
const ADDRESSES: [&str; 15] = [
    "email", "mail", "address", "addr", "street", "phone", "mobile", "tel", "fax", "sdt", "diachi",
    "dob", "ssn", "passport", "iban",
];

/// Whether a name is that of people, a table of them or one of them: `Customers`, `sales_rep`.
pub(super) fn is_of_people(name: &str) -> bool {
    let words = words(name);
    let is_person =
        |word: &str| PEOPLE.contains(&singular(word).as_str()) || PEOPLE.contains(&word);
    is_person(&words.concat()) || words.last().is_some_and(|last| is_person(last))
}

/// Whether a column's name says that its values are names or addresses of people: `surname`,
/// `Customer`, `contact name`, `billing_email`; but not `product_name` or `user_role`.
pub(super) fn identifies_people(column: &str) -> bool {
    let words = words(column);
    let Some((last, before)) = words.split_last() else {
        return false;
    };
    let folded = fold(column);
    let ends_in_name = NAMES.contains(&last.as_str());
    NAMES.contains(&folded.as_str())
        || ADDRESSES.contains(&last.as_str())
        || ["email", "phone"].iter().any(|end| folded.ends_with(end))
        || is_of_people(column)
        || (ends_in_name && is_of_people(&before.concat()))
        || (ends_in_name
            && NAMES
                .iter()
                .any(|name| name.len() > 4 && folded.ends_with(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_of_people() {
        for column in [
            "name",
            "Name",
            "FirstName",
            "customer_first_name",
            "surname",
            "customer",
            "Customer Name",
            "employees",
            "email",
            "ContactEmail",
            "workemail",
            "billing_address",
            "phone",
            "home phone",
            "Họ tên",
            "student",
            "user",
        ] {
            assert!(identifies_people(column), "{column}");
        }
        for column in [
            "status",
            "product_name",
            "CategoryName",
            "country",
            "user_role",
            "customer_type",
            "employee status",
            "contact_method",
            "renamed",
            "city",
        ] {
            assert!(!identifies_people(column), "{column}");
        }
    }

    #[test]
    fn tables_of_people() {
        assert!(is_of_people("Customers") && is_of_people("tbl_staff") && is_of_people("people"));
        assert!(!is_of_people("orders") && !is_of_people("customer_orders"));
    }
}
