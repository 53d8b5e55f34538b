//! People for the demo: Vietnamese names, and the addresses and numbers that go with them.

use fastrand::Rng;

/// Family names with how many of 100 people bear them.
const FAMILY: [(&str, u32); 16] = [
    ("Nguyễn", 34),
    ("Trần", 12),
    ("Lê", 10),
    ("Phạm", 8),
    ("Huỳnh", 5),
    ("Hoàng", 4),
    ("Phan", 5),
    ("Võ", 4),
    ("Vũ", 3),
    ("Đặng", 3),
    ("Bùi", 3),
    ("Đỗ", 2),
    ("Hồ", 2),
    ("Ngô", 2),
    ("Dương", 2),
    ("Lý", 1),
];

/// Middle and given names of women.
const WOMEN: Given = Given {
    middle: &[
        "Thị", "Ngọc", "Thanh", "Thu", "Phương", "Mỹ", "Khánh", "Bảo", "Thùy", "Hoài",
    ],
    given: &[
        "Linh", "Hương", "Trang", "Thảo", "Anh", "Hà", "Lan", "Mai", "Ngọc", "Yến", "Vy", "Nhi",
        "Quỳnh", "Châu", "Trâm", "Ngân", "Hạnh", "Hằng", "Thủy", "Tuyết", "Dung", "Diệp", "Oanh",
        "Uyên",
    ],
};

/// Middle and given names of men.
const MEN: Given = Given {
    middle: &[
        "Văn", "Minh", "Đức", "Quốc", "Hữu", "Gia", "Thành", "Hoàng", "Tuấn", "Công",
    ],
    given: &[
        "Hùng", "Dũng", "Tuấn", "Nam", "Long", "Phong", "Khoa", "Khôi", "Bảo", "Huy", "Kiên",
        "Đạt", "Thắng", "Trung", "Sơn", "Hải", "Quân", "Phúc", "Tài", "Việt", "Cường", "Lộc",
        "Nghĩa", "Toàn",
    ],
};

/// The first four digits of Vietnamese mobile numbers.
const MOBILE: [&str; 12] = [
    "0903", "0908", "0912", "0918", "0935", "0976", "0983", "0328", "0347", "0705", "0779", "0855",
];

/// Domains that are reserved for examples, so that no mail ever reaches anybody.
const DOMAINS: [&str; 3] = ["example.com", "example.net", "example.org"];

struct Given {
    middle: &'static [&'static str],
    given: &'static [&'static str],
}

/// Somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    /// Family name, middle name, given name, with all their diacritics (Unicode NFC).
    pub(super) fullname: String,
    /// An address of nobody else, without diacritics.
    pub(super) email: String,
    /// Ten digits, the first of which is zero.
    pub(super) phone: String,
}

/// The `number`th person; the number keeps addresses apart.
pub(super) fn person(rng: &mut Rng, number: u64) -> Person {
    let names = if rng.u32(..100) < 58 { WOMEN } else { MEN };
    let (family, middle, given) = (family(rng), pick(rng, names.middle), pick(rng, names.given));
    let email = format!(
        "{}.{}{number}@{}",
        plain(given),
        plain(&format!("{family}{middle}")),
        pick(rng, &DOMAINS),
    );
    let phone = format!("{}{:06}", pick(rng, &MOBILE), rng.u32(..1_000_000));
    Person {
        fullname: format!("{family} {middle} {given}"),
        email,
        phone,
    }
}

/// One of some texts.
pub(super) fn pick<'t>(rng: &mut Rng, from: &[&'t str]) -> &'t str {
    rng.choice(from).copied().unwrap_or_default()
}

/// One of some texts, most often those with the larger weights.
pub(super) fn pick_weighted<'t>(rng: &mut Rng, from: &[(&'t str, u32)]) -> &'t str {
    let all: u32 = from.iter().map(|(_, weight)| weight).sum();
    let mut drawn = rng.u32(..all.max(1));
    for (text, weight) in from {
        if drawn < *weight {
            return text;
        }
        drawn -= weight;
    }
    ""
}

fn family(rng: &mut Rng) -> &'static str {
    pick_weighted(rng, &FAMILY)
}

/// Vietnamese text as people write it in an address: lower case, no diacritics, no spaces.
fn plain(text: &str) -> String {
    text.to_lowercase()
        .chars()
        .filter_map(|letter| match letter {
            'a'..='z' | '0'..='9' => Some(letter),
            _ if "àáạảãâầấậẩẫăằắặẳẵ".contains(letter) => Some('a'),
            _ if "èéẹẻẽêềếệểễ".contains(letter) => Some('e'),
            _ if "ìíịỉĩ".contains(letter) => Some('i'),
            _ if "òóọỏõôồốộổỗơờớợởỡ".contains(letter) => Some('o'),
            _ if "ùúụủũưừứựửữ".contains(letter) => Some('u'),
            _ if "ỳýỵỷỹ".contains(letter) => Some('y'),
            'đ' => Some('d'),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_no_diacritics() {
        for names in [&WOMEN, &MEN] {
            for name in names.middle.iter().chain(names.given) {
                assert_eq!(plain(name).len(), name.chars().count(), "{name}");
            }
        }
        for (name, _) in FAMILY {
            assert_eq!(plain(name).len(), name.chars().count(), "{name}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_person() {
        let somebody = person(&mut Rng::with_seed(1), 7);
        assert_eq!(somebody, person(&mut Rng::with_seed(1), 7));
        assert!(
            somebody.email.contains('7') && somebody.phone.len() == 10,
            "{somebody:?}"
        );
    }
}
