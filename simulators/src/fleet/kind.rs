//! The kinds of stations that a city puts up.

use crate::city::Property;
use std::sync::{Arc, LazyLock};

/// What a station measures, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, clap::ValueEnum)]
pub enum Kind {
    /// Dust, temperature and humidity.
    Air,
    /// Rain, wind, temperature, humidity and pressure.
    Weather,
    /// A river gauge.
    Water,
    /// A sound level meter.
    Noise,
    /// A street light cabinet.
    Light,
    /// A vehicle counter.
    Traffic,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Air,
        Self::Weather,
        Self::Water,
        Self::Noise,
        Self::Light,
        Self::Traffic,
    ];

    /// The start of the names of its devices.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Air => "air",
            Self::Weather => "weather",
            Self::Water => "water",
            Self::Noise => "noise",
            Self::Light => "light",
            Self::Traffic => "traffic",
        }
    }

    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Air => "Trạm không khí",
            Self::Weather => "Trạm thời tiết",
            Self::Water => "Trạm mực nước",
            Self::Noise => "Trạm đo tiếng ồn",
            Self::Light => "Tủ đèn chiếu sáng",
            Self::Traffic => "Trạm đếm xe",
        }
    }

    /// What it measures.
    pub fn properties(self) -> &'static [Property] {
        match self {
            Self::Air => &[
                Property::Pm2_5,
                Property::Pm10,
                Property::Temperature,
                Property::Humidity,
            ],
            Self::Weather => &[
                Property::Temperature,
                Property::Humidity,
                Property::Pressure,
                Property::Rain,
                Property::WindSpeed,
            ],
            Self::Water => &[Property::WaterLevel],
            Self::Noise => &[Property::Noise],
            Self::Light => &[Property::StreetLight, Property::Power],
            Self::Traffic => &[Property::Cars],
        }
    }

    /// Its datastreams, named as their properties.
    pub fn datastreams(self) -> Arc<[Arc<str>]> {
        static NAMES: LazyLock<[Arc<[Arc<str>]>; 6]> = LazyLock::new(|| {
            Kind::ALL.map(|kind| {
                let names = kind.properties().iter().map(|property| property.name());
                names.map(Arc::from).collect()
            })
        });
        NAMES[self as usize].clone()
    }

    /// How often it reports in a quiet city, s.
    pub fn interval_s(self) -> u32 {
        match self {
            Self::Air => 30,
            Self::Weather => 30,
            Self::Water => 60,
            Self::Noise => 10,
            Self::Light => 60,
            Self::Traffic => 60,
        }
    }
}
