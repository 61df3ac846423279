//! Phone numbers as people write them. Parsing needs libphonenumber's tables,
//! which are too heavy for the browser, so it is here and not in `model`.

use model::contact::E164;
use model::country::country;
use model::invalid::Invalid;
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
    let international = typed.strip_prefix("00").map(|rest| format!("+{rest}"));
    let text = international.as_deref().unwrap_or(typed);
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
    // "+44 (0)20 ...": the zero is for callers inside the country, except in Italy.
    let spellings = [text.to_owned(), text.replace("(0)", " "), text.replace("(0)", "0")];
    let tries = if text.starts_with('+') && text.contains("(0)") { &spellings[1..] } else { &spellings[..1] };
    let read = |text: &String| phonenumber::parse(Some(Country::US), text).ok().filter(phonenumber::is_valid);
    let number = tries.iter().find_map(read).ok_or_else(refused)?;
    let e164 = number.format().mode(phonenumber::Mode::E164).to_string();
    E164::parse(&e164).map_err(|_| refused())
}

/// Whether it is a number of a landline, by its country's plan; where the plan does not tell, it may be anything.
pub fn is_landline(number: &E164) -> bool {
    let Ok(read) = phonenumber::parse(None, number.as_str()) else { return false };
    let kind = read.number_type(&phonenumber::metadata::DATABASE);
    matches!(kind, phonenumber::Type::FixedLine)
}

/// The country of a number, by its two letters; by its calling code where several share that.
pub(crate) fn country_of(number: &E164) -> Option<String> {
    let parsed = phonenumber::parse(None, number.as_str()).ok()?;
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
        ] {
            assert_eq!(parse(typed).unwrap().as_str(), e164, "{typed}");
        }
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
