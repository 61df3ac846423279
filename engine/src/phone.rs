//! Phone numbers as people write them. Parsing needs libphonenumber's tables,
//! which are too heavy for the browser, so it is here and not in `model`.

use model::contact::E164;
use model::country::country;
use model::invalid::Invalid;
use phonenumber::PhoneNumber;
use phonenumber::country::Id as Country;

/// Parses a number in any common form. Without a leading `+` (or `00`) it is read
/// as one of the United States, as GraceDB does; it must be a *valid* number of
/// its region, not only a possible one.
pub fn parse(typed: &str) -> Result<E164, Invalid> {
    let wrong = |code, message: &str| Invalid { field: "phone", code, message: message.to_owned() };
    let typed = typed.trim();
    if typed.is_empty() {
        return Err(wrong("required", "Enter a phone number."));
    }
    if typed.chars().count() > 40 {
        return Err(wrong("too_long", "That is too long for a phone number."));
    }
    let text = &from_abroad(typed);
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let message = match (text.starts_with('+'), country(&digits)) {
        (true, Some(name)) => {
            format!("This is not a valid phone number of {name}. Look at its digits again.")
        }
        (true, None) => "This is not a valid phone number. Begin with + and the country code, for example \
                         +39 06 1234 5678."
            .to_owned(),
        (false, _) => {
            "This is not a valid phone number of the United States. Elsewhere begin with + and the country \
                       code, for example +39 06 1234 5678."
                .to_owned()
        }
    };
    let refused = || wrong("not_a_number", &message);
    // "+44 (0)20 ...": the zero is for callers inside the country. "+39 (0)6 ...": it is a part of the number.
    let number = if text.starts_with('+') {
        let (with, without) = (text.replace("(0)", "0"), text.replace("(0)", " "));
        [(AS_IT_STANDS, &with), (AS_IT_STANDS, &without), (None, &without), (None, &with)]
            .into_iter()
            .find_map(|(by, text)| valid(by, text))
    } else {
        // Nor is anything else that the library takes for another country's read by the rules of this one.
        valid(Some(Country::US), text).filter(|number| number.country().code() == 1)
    };
    let number = number.ok_or_else(refused)?;
    if number.extension().is_some() {
        return Err(wrong(
            "extension",
            "An extension cannot be dialled. Enter a number that rings by itself.",
        ));
    }
    let e164 = number.format().mode(phonenumber::Mode::E164).to_string();
    E164::parse(&e164).map_err(|_| refused())
}

/// With a `+` where what is typed says in another way that the country code comes first: dialled from Europe (00) or from
/// America (011), in brackets, as a link, or with the plus of another script.
fn from_abroad(typed: &str) -> String {
    let text = typed.strip_prefix("tel:").unwrap_or(typed).replace('\u{ff0b}', "+");
    if let Some(rest) = text.strip_prefix("00").or_else(|| text.strip_prefix("011")) {
        return format!("+{rest}");
    }
    match text.strip_prefix('(').filter(|rest| rest.starts_with('+')) {
        Some(rest) => rest.replacen(')', " ", 1),
        None => text,
    }
}

/// The library takes a trunk prefix away from what follows the country code: that of the country it is given, also from
/// another country's numbers, and without one that of the number's own, also where it is none (1 in +49 151, 8 in
/// +7 800). Italy has no such prefix: by its rules the digits stay as they stand.
const AS_IT_STANDS: Option<Country> = Some(Country::IT);

fn valid(by: Option<Country>, text: &str) -> Option<PhoneNumber> {
    phonenumber::parse(by, text).ok().filter(phonenumber::is_valid)
}

/// Whether it is a number of a landline, by its country's plan; where the plan does not tell, it may be anything.
pub fn is_landline(number: &E164) -> bool {
    let Ok(read) = phonenumber::parse(AS_IT_STANDS, number.as_str()) else { return false };
    let kind = read.number_type(&phonenumber::metadata::DATABASE);
    matches!(kind, phonenumber::Type::FixedLine)
}

/// The country of a number, by its two letters; by its calling code where several share that.
pub(crate) fn country_of(number: &E164) -> Option<String> {
    let parsed = phonenumber::parse(AS_IT_STANDS, number.as_str()).ok()?;
    let country = parsed.country();
    Some(country.id().map_or_else(|| format!("+{}", country.code()), |id| id.as_ref().to_owned()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::{is_landline, parse};

    #[test]
    fn landlines_are_told_where_the_plan_tells() {
        assert!(is_landline(&parse("+49 30 901820").unwrap()));
        assert!(is_landline(&parse("+44 20 7946 0958").unwrap()));
        assert!(!is_landline(&parse("+39 347 123 4567").unwrap()));
        assert!(!is_landline(&parse("(414) 555-0123").unwrap()), "in the US it may be either");
    }

    #[test]
    fn a_wrong_number_is_told_which_country_it_was_read_as() {
        let words = |typed: &str| parse(typed).unwrap_err().message;
        assert!(
            words("+39 1").starts_with("This is not a valid phone number of Italy."),
            "{}",
            words("+39 1")
        );
        assert!(words("12 34").starts_with("This is not a valid phone number of the United States."));
        assert!(words("+999 123").starts_with("This is not a valid phone number."));
    }

    #[test]
    fn the_ways_people_write_a_number() {
        for (typed, e164) in [
            ("(414) 555-0123", "+14145550123"),
            ("414.555.0123", "+14145550123"),
            (" +1 414 555 0123 ", "+14145550123"),
            ("+39 06 6982 1234", "+390669821234"),
            ("0039 06 6982 1234", "+390669821234"),
            ("+44 20 7946 0958", "+442079460958"),
            ("+81 (0)3-1234-5678", "+81312345678"),
            ("+39 (0)6 6982 1234", "+390669821234"),
            ("+39 (0)331 123456", "+390331123456"),
            ("+44 020 7946 0958", "+442079460958"),
            ("+44 (0)20 7946 0958", "+442079460958"),
            ("+49 (0)176 12345678", "+4917612345678"),
            ("+49 0151 23456789", "+4915123456789"),
            ("0049 171 1234567", "+491711234567"),
            ("+49 160 1234567", "+491601234567"),
            ("+33 1 44 27 42 98", "+33144274298"),
            ("+33 (0)1 44 27 42 98", "+33144274298"),
            ("+44 1223 337733", "+441223337733"),
            ("+86 138 0013 8000", "+8613800138000"),
            ("+82 10 1234 5678", "+821012345678"),
            ("+55 12 91234 5678", "+5512912345678"),
            ("+7 800 555 35 35", "+78005553535"),
            ("+7 8 912 345 67 89", "+79123456789"),
            ("1 414 555 0123", "+14145550123"),
            ("(+49) 151 23456789", "+4915123456789"),
            ("tel:+49-151-23456789", "+4915123456789"),
            ("\u{ff0b}49 151 23456789", "+4915123456789"),
            ("011 49 151 23456789", "+4915123456789"),
            ("+1 (414) 555-0123", "+14145550123"),
        ] {
            assert_eq!(parse(typed).map(|number| number.as_str().to_owned()).as_deref(), Ok(e164), "{typed}");
        }
    }

    /// The examples of the library's tables: what follows the country code is never taken for a prefix.
    #[test]
    fn numbers_of_every_country_stay_as_they_are() {
        let mut seen = 0;
        for country in phonenumber::metadata::DATABASE.iter() {
            let plan = country.descriptors();
            for kind in [plan.mobile(), plan.fixed_line()].into_iter().flatten() {
                let Some(example) = kind.example() else { continue };
                let typed = format!("+{} {example}", country.country_code());
                let e164 = typed.replace(' ', "");
                assert_eq!(
                    parse(&typed).map(|number| number.as_str().to_owned()),
                    Ok(e164),
                    "{}",
                    country.id()
                );
                seen += 1;
            }
        }
        assert!(seen > 400, "{seen}");
    }

    #[test]
    fn an_extension_cannot_be_dialled() {
        assert_eq!(parse("+49 30 901820 ext. 12").unwrap_err().code, "extension");
    }

    #[test]
    fn what_is_not_a_number_names_its_field() {
        for typed in [
            "",
            "   ",
            "hello",
            "12",
            "+999 123",
            "++1414",
            "555-0123",
            &"1".repeat(41),
            "+1 414 555 01\u{202e}23x",
        ] {
            assert_eq!(parse(typed).unwrap_err().field, "phone", "{typed}");
        }
    }
}
