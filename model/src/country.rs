//! Which country a number belongs to, by its first digits.
//!
//! Easily got wrong: this names a country for the eyes and judges nothing. Whether a number exists is decided by
//! the server's phone library; this is small enough for the browser, to be shown while one types.

/// Country by calling code and, where several share one, by what follows it (ITU-T E.164 assigned codes, NANPA's
/// area codes). The longest that fits is right.
const COUNTRIES: &str = "\
1 the United States or Canada|1242 the Bahamas|1246 Barbados|1264 Anguilla|1268 Antigua and Barbuda|\
1284 the British Virgin Islands|1340 the US Virgin Islands|1345 the Cayman Islands|1441 Bermuda|1473 Grenada|\
1649 the Turks and Caicos Islands|1658 Jamaica|1664 Montserrat|1670 the Northern Mariana Islands|1671 Guam|\
1684 American Samoa|1721 Sint Maarten|1758 Saint Lucia|1767 Dominica|1784 Saint Vincent and the Grenadines|\
1787 Puerto Rico|1809 the Dominican Republic|1829 the Dominican Republic|1849 the Dominican Republic|\
1868 Trinidad and Tobago|1869 Saint Kitts and Nevis|1876 Jamaica|1939 Puerto Rico|\
20 Egypt|211 South Sudan|212 Morocco|213 Algeria|216 Tunisia|218 Libya|220 the Gambia|221 Senegal|222 Mauritania|\
223 Mali|224 Guinea|225 Ivory Coast|226 Burkina Faso|227 Niger|228 Togo|229 Benin|230 Mauritius|231 Liberia|\
232 Sierra Leone|233 Ghana|234 Nigeria|235 Chad|236 the Central African Republic|237 Cameroon|238 Cape Verde|\
239 São Tomé and Príncipe|240 Equatorial Guinea|241 Gabon|242 the Republic of the Congo|\
243 the Democratic Republic of the Congo|244 Angola|245 Guinea-Bissau|246 Diego Garcia|247 Ascension|\
248 the Seychelles|249 Sudan|250 Rwanda|251 Ethiopia|252 Somalia|253 Djibouti|254 Kenya|255 Tanzania|256 Uganda|\
257 Burundi|258 Mozambique|260 Zambia|261 Madagascar|262 Réunion or Mayotte|263 Zimbabwe|264 Namibia|265 Malawi|\
266 Lesotho|267 Botswana|268 Eswatini|269 the Comoros|27 South Africa|290 Saint Helena|291 Eritrea|297 Aruba|\
298 the Faroe Islands|299 Greenland|30 Greece|31 the Netherlands|32 Belgium|33 France|34 Spain|350 Gibraltar|\
351 Portugal|352 Luxembourg|353 Ireland|354 Iceland|355 Albania|356 Malta|357 Cyprus|358 Finland|359 Bulgaria|\
36 Hungary|370 Lithuania|371 Latvia|372 Estonia|373 Moldova|374 Armenia|375 Belarus|376 Andorra|377 Monaco|\
378 San Marino|379 Vatican City|380 Ukraine|381 Serbia|382 Montenegro|383 Kosovo|385 Croatia|386 Slovenia|\
387 Bosnia and Herzegovina|389 North Macedonia|39 Italy|3906698 Vatican City|40 Romania|41 Switzerland|\
420 the Czech Republic|421 Slovakia|423 Liechtenstein|43 Austria|44 the United Kingdom|45 Denmark|46 Sweden|\
47 Norway|48 Poland|49 Germany|500 the Falkland Islands|501 Belize|502 Guatemala|503 El Salvador|504 Honduras|\
505 Nicaragua|506 Costa Rica|507 Panama|508 Saint Pierre and Miquelon|509 Haiti|51 Peru|52 Mexico|53 Cuba|\
54 Argentina|55 Brazil|56 Chile|57 Colombia|58 Venezuela|590 Guadeloupe|591 Bolivia|592 Guyana|593 Ecuador|\
594 French Guiana|595 Paraguay|596 Martinique|597 Suriname|598 Uruguay|599 Curaçao or the Caribbean Netherlands|\
60 Malaysia|61 Australia|62 Indonesia|63 the Philippines|64 New Zealand|65 Singapore|66 Thailand|670 East Timor|\
672 Norfolk Island or Antarctica|673 Brunei|674 Nauru|675 Papua New Guinea|676 Tonga|677 the Solomon Islands|\
678 Vanuatu|679 Fiji|680 Palau|681 Wallis and Futuna|682 the Cook Islands|683 Niue|685 Samoa|686 Kiribati|\
687 New Caledonia|688 Tuvalu|689 French Polynesia|690 Tokelau|691 Micronesia|692 the Marshall Islands|7 Russia|\
76 Kazakhstan|77 Kazakhstan|81 Japan|82 South Korea|84 Vietnam|850 North Korea|852 Hong Kong|853 Macau|\
855 Cambodia|856 Laos|86 China|880 Bangladesh|886 Taiwan|90 Turkey|91 India|92 Pakistan|93 Afghanistan|94 Sri Lanka|\
95 Myanmar|960 the Maldives|961 Lebanon|962 Jordan|963 Syria|964 Iraq|965 Kuwait|966 Saudi Arabia|967 Yemen|\
968 Oman|970 Palestine|971 the United Arab Emirates|972 Israel|973 Bahrain|974 Qatar|975 Bhutan|976 Mongolia|\
977 Nepal|98 Iran|992 Tajikistan|993 Turkmenistan|994 Azerbaijan|995 Georgia|996 Kyrgyzstan|998 Uzbekistan";

/// Canada's area codes within +1.
const CANADA: &str = "204 226 236 249 250 257 263 289 306 343 354 365 367 368 382 403 416 418 428 431 437 438 450 \
468 474 506 514 519 548 579 581 584 587 604 613 639 647 672 683 705 709 742 753 778 780 782 807 819 825 867 873 \
879 902 905 942";

/// Toll-free, and what belongs to neither country alone.
const SHARED: &str = "500 521 522 533 544 566 577 588 600 700 800 833 844 855 866 877 888 900";

/// The country of a number whose first digits, without `+`, are these; as it stands in a sentence.
pub fn country(digits: &str) -> Option<&'static str> {
    let fits = |entry: &'static str| entry.split_once(' ').filter(|(code, _)| digits.starts_with(code));
    let (code, name) = COUNTRIES.split('|').filter_map(fits).max_by_key(|(code, _)| code.len())?;
    let area = digits.get(1..4).filter(|_| code == "1");
    Some(match area {
        Some(area) if CANADA.split(' ').any(|known| known == area) => "Canada",
        Some(area) if !SHARED.split(' ').any(|known| known == area) => "the United States",
        _ => name,
    })
}

/// What a number is taken for while it is typed: its country, or that there is none; None where nothing can be said.
pub fn as_typed(typed: &str) -> Option<String> {
    let typed = typed.trim();
    let digits: String = typed.chars().filter(char::is_ascii_digit).collect();
    let abroad = if typed.starts_with('+') { Some(digits.as_str()) } else { digits.strip_prefix("00") };
    match abroad {
        None if digits.is_empty() => None,
        None => Some(
            "Taken for a number of the United States. Elsewhere, begin with + and the country code."
                .to_owned(),
        ),
        Some(digits) => match country(digits) {
            Some(name) => Some(format!("A number of {name}.")),
            // A code has three digits at most; fewer may still become one.
            None if digits.len() >= 3 => Some("No country has this code.".to_owned()),
            None => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries() {
        for (digits, name) in [
            ("1", "the United States or Canada"),
            ("141", "the United States or Canada"),
            ("14145550123", "the United States"),
            ("16045550123", "Canada"),
            ("18005550123", "the United States or Canada"),
            ("17875550123", "Puerto Rico"),
            ("393471234567", "Italy"),
            ("390669821234", "Vatican City"),
            ("46701740605", "Sweden"),
            ("4670", "Sweden"),
            ("79161234567", "Russia"),
            ("77011234567", "Kazakhstan"),
            ("420601123456", "the Czech Republic"),
            ("81312345678", "Japan"),
            ("919876543210", "India"),
            ("886212345678", "Taiwan"),
        ] {
            assert_eq!(country(digits), Some(name), "{digits}");
        }
        for none in ["", "0", "21", "999", "210", "x"] {
            assert_eq!(country(none), None, "{none}");
        }
    }

    #[test]
    fn every_entry_can_be_found() {
        for entry in COUNTRIES.split('|') {
            let (code, name) = entry.split_once(' ').unwrap_or_default();
            assert!(code.bytes().all(|b| b.is_ascii_digit()) && !name.is_empty(), "{entry}");
            assert_eq!(country(code), Some(name), "{entry}");
        }
        for list in [CANADA, SHARED] {
            assert!(list.split(' ').all(|area| area.len() == 3), "{list}");
        }
    }

    #[test]
    fn while_it_is_typed() {
        for (typed, said) in [
            ("+39 347", Some("A number of Italy.")),
            (" 0044 20", Some("A number of the United Kingdom.")),
            (
                "(414) 555",
                Some(
                    "Taken for a number of the United States. Elsewhere, begin with + and the country code.",
                ),
            ),
            ("+2", None),
            ("+21", None),
            ("+999", Some("No country has this code.")),
            ("", None),
            ("hello", None),
            ("+", None),
        ] {
            assert_eq!(as_typed(typed).as_deref(), said, "{typed}");
        }
    }
}
