//! What is wrong with what a form sent, in the reader's language.

use causeway_shared::value::Type;

use crate::dashboard::language::Language;
use crate::services::field_error::{FieldError, Wrong};

/// All that is wrong, field by field.
pub(in crate::dashboard) fn sentence(language: Language, errors: &[FieldError]) -> String {
    let of = |error: &FieldError| {
        let field = language.texts().of_lists.column(&error.field);
        let wrong = wrong(language, &error.wrong);
        match field {
            "" => wrong,
            field => format!("{field}: {wrong}"),
        }
    };
    let errors: Vec<String> = errors.iter().map(of).collect();
    errors.join("; ")
}

fn wrong(language: Language, wrong: &Wrong) -> String {
    match language {
        Language::English => wrong.to_string(),
        Language::Vietnamese => vietnamese(wrong),
    }
}

fn vietnamese(wrong: &Wrong) -> String {
    let language = Language::Vietnamese;
    let minutes = |minutes: &i64| format!("{minutes} phút");
    match wrong {
        Wrong::Needed | Wrong::NoValue => "cần có giá trị".to_owned(),
        Wrong::Empty => "không được để trống".to_owned(),
        Wrong::NotTaken(names) => format!("không nhận mục này; chỉ nhận {names}"),
        Wrong::NotOfType(ty) => format!("phải là {}", form(*ty)),
        Wrong::FarDate => "phải là ngày từ năm 1900 đến năm 2199".to_owned(),
        Wrong::NotListed(values) => {
            let values = values
                .split(", ")
                .map(|value| language.texts().status(value));
            let values: Vec<&str> = values.collect();
            format!("phải là một trong: {}", values.join(", "))
        }
        Wrong::TooLong(most) => format!("có tối đa {most} ký tự"),
        Wrong::TooSmall(least) => format!("phải từ {least} trở lên"),
        Wrong::TooLarge(most) => format!("phải từ {most} trở xuống"),
        Wrong::Minutes(least, most) => format!("phải từ {least} đến {}", minutes(most)),
        Wrong::Past(today) => format!("đã qua: hôm nay là {}", language.day(*today)),
        Wrong::Over(now) => format!("đã qua: bây giờ là {}", now.strftime("%H:%M")),
        Wrong::BeforeFrom => "phải từ ngày bắt đầu trở đi".to_owned(),
        Wrong::TooSoon(least) => format!("phải sau giờ bắt đầu ít nhất {}", minutes(least)),
        Wrong::TooManySlots(most) => {
            let most = language.number(*most as u64);
            format!("tạo ra quá nhiều khung giờ; mỗi lần tạo tối đa {most}")
        }
        Wrong::LongerThanSlot(slot) => {
            format!("dài hơn khung giờ của tư vấn viên ({})", minutes(slot))
        }
        Wrong::NoWebAddress => "phải là địa chỉ web bắt đầu bằng https:// hoặc http://".to_owned(),
        Wrong::NoConsultant => "không phải mã của tư vấn viên nào".to_owned(),
        Wrong::Unknown(value, table) => format!("không có {value} trong bảng {table}"),
        // From a database or a reader of values, whose words are English.
        Wrong::Other(said) => format!("không hợp lệ ({said})"),
    }
}

fn form(ty: Type) -> &'static str {
    match ty {
        Type::Int => "số nguyên",
        Type::Float | Type::Decimal(_) => "một số",
        Type::Bool => "có hoặc không (true, false)",
        Type::Text => "văn bản",
        Type::Phone => "số điện thoại",
        Type::Date => "ngày hợp lệ",
        Type::Time => "giờ hợp lệ, ví dụ 09:30",
        Type::Timestamp => "ngày và giờ hợp lệ",
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn what_is_wrong_is_said_in_the_readers_language() {
        let errors = [
            FieldError::new("fullname", Wrong::Empty),
            FieldError::new("date", Wrong::Past(date(2025, 11, 28))),
            FieldError::new("status", Wrong::NotListed("upcoming, ongoing".to_owned())),
            FieldError::new("duration", Wrong::Minutes(1, 1_440)),
            FieldError::new("", "appointment is odd"),
        ];
        let [english, vietnamese] =
            [Language::English, Language::Vietnamese].map(|language| sentence(language, &errors));
        assert_eq!(
            english,
            "Name: must not be empty; Date: is in the past: today is 2025-11-28; Stage: must be one of upcoming, \
             ongoing; Minutes: must be from 1 to 1440 minutes; appointment is odd"
        );
        assert_eq!(
            vietnamese,
            "Họ tên: không được để trống; Ngày: đã qua: hôm nay là 28/11/2025; Giai đoạn: phải là một trong: Sắp \
             diễn ra, Đang diễn ra; Số phút: phải từ 1 đến 1440 phút; không hợp lệ (appointment is odd)"
        );
    }
}
