//! The names that a fresh installation knows: labels, groups, pipelines, searches.
//!
//! Easily got wrong: these are seeds, not limits. GraceDB gains names every year, packets teach new ones and an
//! admin may add more, so nothing may be refused merely for missing here.

/// Labels of GraceDB's documentation and of recorded packets.
pub const LABELS: &[&str] = &[
    "2022_LENSING_MDC",
    "ADVNO",
    "ADVOK",
    "ADVREQ",
    "COMBINEDSKYMAP_READY",
    "DQOK",
    "DQR_REQUEST",
    "DQV",
    "EARLY_WARNING",
    "EMBRIGHT_READY",
    "EM_COINC",
    "EM_READY",
    "EM_SENT",
    "EM_Selected",
    "EM_SelectedConfident",
    "EM_Superseded",
    "EM_Throttled",
    "EXT_SKYMAP_READY",
    "GCN_PRELIM_SENT",
    "GRB_OFFLINE",
    "GRB_ONLINE",
    "H1NO",
    "H1OK",
    "H1OPS",
    "HIGH_PROFILE",
    "HWINJNO",
    "HWINJOK",
    "HWINJREQ",
    "INJ",
    "L1NO",
    "L1OK",
    "L1OPS",
    "LENSED_CANDIDATE",
    "LLAMA_COMPLETE",
    "LOW_SIGNIF_LOCKED",
    "LOW_SIGNIF_PRELIM_SENT",
    "LUMIN_GO",
    "LUMIN_NO",
    "MOCK",
    "NOT_GRB",
    "PASTRO_READY",
    "PE_READY",
    "RAVEN_ALERT",
    "SIGNIF_LOCKED",
    "SKYMAP_READY",
    "SNR_OPTIMIZED",
    "SWIFT_GO",
    "SWIFT_NO",
    "V1NO",
    "V1OK",
    "V1OPS",
    "cWB_r",
    "cWB_s",
];

/// Groups that a rule may name; GraceDB leaves `Test` out, since test alerts select nobody.
pub const GROUPS: &[&str] = &["Burst", "CBC", "Detchar", "External"];

/// Pipelines of the searches and of the missions that GraceDB takes events from.
pub const PIPELINES: &[&str] = &[
    "CHIME",
    "CWB",
    "EinsteinProbe",
    "Fermi",
    "HardwareInjection",
    "INTEGRAL",
    "IceCube",
    "MBTA",
    "MBTAOnline",
    "MLy",
    "PyGRB",
    "SGNL",
    "SNEWS",
    "SVOM",
    "Swift",
    "aframe",
    "gstlal",
    "oLIB",
    "pycbc",
    "spiir",
];

/// Searches that a rule may name; GraceDB leaves `MDC` out.
pub const SEARCHES: &[&str] = &[
    "AllSky",
    "BBH",
    "EarlyWarning",
    "GRB",
    "HEN",
    "HighMass",
    "IMBH",
    "LowMass",
    "SSM",
    "SubGRB",
    "SubGRBTargeted",
    "Supernova",
    "VTInjection",
];

/// [`LABELS`] owned, in the form that the label query takes.
pub fn known_labels() -> Vec<String> {
    LABELS.iter().map(|name| (*name).to_owned()).collect()
}

/// What a label means, in a few words, for those that wake people up.
pub fn meaning(label: &str) -> Option<&'static str> {
    Some(match label {
        "ADVNO" => "advocates say no: retracted",
        "ADVOK" => "advocates confirmed it",
        "ADVREQ" => "advocates are asked to look",
        "DQOK" => "detector data are good",
        "DQV" => "detector data are bad: vetoed",
        "DQR_REQUEST" => "a data quality report is asked for",
        "EARLY_WARNING" => "found before the merger",
        "EMBRIGHT_READY" => "source properties are ready",
        "EM_COINC" => "coincides with an astronomical trigger",
        "EM_READY" => "ready for astronomers",
        "EM_Selected" => "chosen as preferred event",
        "GCN_PRELIM_SENT" => "preliminary notice sent",
        "HIGH_PROFILE" => "of high scientific interest",
        "INJ" => "an injection, not a real signal",
        "LOW_SIGNIF_LOCKED" => "low-significance version fixed",
        "LOW_SIGNIF_PRELIM_SENT" => "low-significance notice sent",
        "PASTRO_READY" => "probabilities of source classes are ready",
        "PE_READY" => "parameter estimation is ready",
        "RAVEN_ALERT" => "published coincidence with an astronomical trigger",
        "SIGNIF_LOCKED" => "significant version fixed",
        "SKYMAP_READY" => "sky map is ready",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_and_without_doubles() {
        for list in [LABELS, GROUPS, PIPELINES, SEARCHES] {
            assert!(list.is_sorted() && list.windows(2).all(|pair| pair[0] != pair[1]));
        }
    }

    #[test]
    fn meanings_belong_to_labels() {
        assert!(LABELS.iter().filter(|label| meaning(label).is_some()).count() >= 20);
        assert_eq!(meaning("nothing"), None);
    }
}
