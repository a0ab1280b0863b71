//! How far a reading can be trusted.

/// The state of the instrument when it measured, as its own report or the platform's
/// validation says (Circular 10/2021/TT-BTNMT asks for one on every reading).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Quality {
    /// Measured as intended.
    #[default]
    Good = 0,
    /// Measured, but doubtful.
    Suspect = 1,
    /// Measured during a calibration.
    Calibrating = 2,
    /// Measured during maintenance.
    Maintenance = 3,
    /// The instrument reports a fault.
    Fault = 4,
    /// The instrument gave nothing; the value has no meaning.
    Missing = 5,
}

impl Quality {
    /// Every quality, in the order of its code.
    pub const ALL: [Self; 6] = [
        Self::Good,
        Self::Suspect,
        Self::Calibrating,
        Self::Maintenance,
        Self::Fault,
        Self::Missing,
    ];

    /// The code that formats on disk and on the wire carry.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The quality with this code, if there is one.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Good),
            1 => Some(Self::Suspect),
            2 => Some(Self::Calibrating),
            3 => Some(Self::Maintenance),
            4 => Some(Self::Fault),
            5 => Some(Self::Missing),
            _ => None,
        }
    }

    /// The name that users meet.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Suspect => "suspect",
            Self::Calibrating => "calibrating",
            Self::Maintenance => "maintenance",
            Self::Fault => "fault",
            Self::Missing => "missing",
        }
    }

    /// The quality of this name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|quality| quality.name() == name)
    }

    /// Whether a value of this quality takes part in rollups and charts.
    pub const fn is_measured(self) -> bool {
        !matches!(self, Self::Fault | Self::Missing)
    }
}
