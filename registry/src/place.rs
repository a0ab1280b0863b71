//! The places: read from a list, found by name and by position.

use crate::{Place, Position, RegistryError};
use std::{collections::BTreeMap, sync::Arc};

/// The wards that are built in.
const WARDS: &str = include_str!("../data/hcmc_wards.csv");

/// The day from which the built-in wards hold.
const WARDS_FROM: &str = "2025-07-01";

/// A point belongs to a place if it is no farther from its centre than this many times the
/// radius of a circle of the place's area: wards are not round.
const REACH_RADII: f64 = 2.5;

/// All places, by name.
#[derive(Debug)]
pub(crate) struct Places {
    by_name: BTreeMap<Arc<str>, Arc<Place>>,
}

impl Places {
    /// Reads a list, or the built-in one.
    pub(crate) fn read(csv: Option<&str>) -> Result<Self, RegistryError> {
        let mut by_name = BTreeMap::new();
        for (index, line) in csv.unwrap_or(WARDS).lines().enumerate().skip(1) {
            if line.trim().is_empty() {
                continue;
            }
            let error = |reason: String| RegistryError::Places {
                line: index + 1,
                reason,
            };
            let mut place = read_line(line).map_err(error)?;
            if by_name.contains_key(&place.name) {
                // `Xã Thạnh An` and `Xã Thanh An` differ only in what a name can't have.
                place.name = format!("{}-{}", place.name, place.code).into();
            }
            if let Some(other) = by_name.insert(place.name.clone(), Arc::new(place)) {
                return Err(error(format!("a second place named {}", other.name)));
            }
        }
        Ok(Self { by_name })
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Place>> {
        self.by_name.get(name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Place>> {
        self.by_name.values()
    }

    /// The place that a point most likely lies in: whose centre is nearest, measured in radii
    /// of the place, since a large commune reaches farther than a small ward beside it.
    pub(crate) fn at(&self, position: Position) -> Option<&Arc<Place>> {
        self.by_name
            .values()
            .map(|place| {
                let radius_m = (place.area_km2 / std::f64::consts::PI).sqrt() * 1_000.0;
                (place, position.distance_m(place.position) / radius_m)
            })
            .filter(|(_, radii)| *radii <= REACH_RADII)
            .min_by(|(_, a), (_, b)| a.total_cmp(b))
            .map(|(place, _)| place)
    }
}

fn read_line(line: &str) -> Result<Place, String> {
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    let [code, title, kind, latitude, longitude, area_km2] = fields[..] else {
        return Err(format!("{} columns, not 6", fields.len()));
    };
    let number = |what: &str, text: &str| {
        text.parse::<f64>()
            .ok()
            .filter(|number| number.is_finite())
            .ok_or_else(|| format!("{what} {text:?} is no number"))
    };
    let position = Position {
        longitude: number("longitude", longitude)?,
        latitude: number("latitude", latitude)?,
    };
    let area_km2 = number("area_km2", area_km2)?;
    if !position.is_valid() || area_km2 <= 0.0 {
        return Err("a centre on Earth and an area above 0 are needed".into());
    }
    let name = slug(title);
    crate::name::check("place", &name).map_err(|error| error.to_string())?;
    Ok(Place {
        name: name.into(),
        code: code.into(),
        title: title.into(),
        kind: kind.into(),
        position,
        area_km2,
        from: WARDS_FROM.into(),
        to: None,
    })
}

/// A Vietnamese title as a name: `Phường Bến Thành` is `phuong-ben-thanh`.
fn slug(title: &str) -> String {
    let mut name = String::with_capacity(title.len());
    for letter in title.chars().flat_map(char::to_lowercase) {
        match plain_letter(letter) {
            Some(letter) => name.push(letter),
            None if is_combining(letter) => {}
            None if name.ends_with('-') || name.is_empty() => {}
            None => name.push('-'),
        }
    }
    name.truncate(name.trim_end_matches('-').len());
    name
}

fn plain_letter(letter: char) -> Option<char> {
    Some(match letter {
        'a'..='z' | '0'..='9' => letter,
        'à' | 'á' | 'ả' | 'ã' | 'ạ' | 'â' | 'ầ' | 'ấ' | 'ẩ' | 'ẫ' | 'ậ' | 'ă' | 'ằ' | 'ắ' | 'ẳ'
        | 'ẵ' | 'ặ' => 'a',
        'è' | 'é' | 'ẻ' | 'ẽ' | 'ẹ' | 'ê' | 'ề' | 'ế' | 'ể' | 'ễ' | 'ệ' => 'e',
        'ì' | 'í' | 'ỉ' | 'ĩ' | 'ị' => 'i',
        'ò' | 'ó' | 'ỏ' | 'õ' | 'ọ' | 'ô' | 'ồ' | 'ố' | 'ổ' | 'ỗ' | 'ộ' | 'ơ' | 'ờ' | 'ớ' | 'ở'
        | 'ỡ' | 'ợ' => 'o',
        'ù' | 'ú' | 'ủ' | 'ũ' | 'ụ' | 'ư' | 'ừ' | 'ứ' | 'ử' | 'ữ' | 'ự' => 'u',
        'ỳ' | 'ý' | 'ỷ' | 'ỹ' | 'ỵ' => 'y',
        'đ' => 'd',
        _ => return None,
    })
}

/// Whether it is one of the combining marks (U+0300 to U+036F) that decomposed text has.
fn is_combining(letter: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_list_has_every_ward_under_a_name_of_its_own() {
        let places = Places::read(None).unwrap();
        assert_eq!(places.iter().count(), 168);
        let ward = places.get("phuong-ben-thanh").unwrap();
        assert_eq!(&*ward.title, "Phường Bến Thành");
        assert_eq!(&*ward.kind, "Phường");
        assert!(places.iter().all(|place| place.name.is_ascii()));
        let title = |name| places.get(name).map(|place| &*place.title);
        assert_eq!(title("xa-thanh-an-27676"), Some("Xã Thạnh An"));
    }

    #[test]
    fn decomposed_text_gives_the_same_name() {
        assert_eq!(slug("Xa\u{303} Đông Tha\u{323}nh"), "xa-dong-thanh");
        assert_eq!(slug("Phường  Tân Thới Nhất "), "phuong-tan-thoi-nhat");
    }

    #[test]
    fn every_centre_lies_in_its_own_place() {
        let places = Places::read(None).unwrap();
        for place in places.iter() {
            assert_eq!(
                places.at(place.position).map(|found| &found.name),
                Some(&place.name)
            );
        }
    }

    #[test]
    fn a_point_far_from_the_city_has_no_place() {
        let places = Places::read(None).unwrap();
        let hanoi = Position {
            longitude: 105.85,
            latitude: 21.03,
        };
        assert!(places.at(hanoi).is_none());
    }

    #[test]
    fn a_broken_line_is_named() {
        let csv = "code,name,type,latitude,longitude,area_km2\n1,Phường A,Phường,10.1,x,3\n";
        let error = Places::read(Some(csv)).unwrap_err().to_string();
        assert!(
            error.contains("line 2") && error.contains("longitude"),
            "{error}"
        );
    }
}
