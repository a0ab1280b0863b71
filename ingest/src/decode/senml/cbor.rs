//! SenML in CBOR (RFC 8428 §6, labels of table 4).

use super::{DecodeError, Field, Label, Limits, Pack, Readings, Record};
use minicbor::{
    data::{Tag, Type},
    decode::{Decoder, Error},
};
use std::borrow::Cow;

/// Tag 4: a decimal fraction, an exponent of ten and a mantissa.
const DECIMAL_FRACTION: u64 = 4;

/// See [`crate::decode::decode`].
pub(in crate::decode) fn decode(
    payload: &[u8],
    received_us: i64,
    limits: &Limits,
    out: &mut Readings,
) -> Result<(), DecodeError> {
    let mut cbor = Decoder::new(payload);
    let mut pack = Pack::new(received_us, limits, out);
    let mut left = cbor.array().map_err(|error| wrong(&cbor, &error))?;
    while more(&mut cbor, &mut left)? {
        let at = cbor.position();
        let mut record = Record::default();
        let mut fields = cbor.map().map_err(|error| wrong(&cbor, &error))?;
        while more(&mut cbor, &mut fields)? {
            if let Some(label) = key(&mut cbor)? {
                if !record.first(label) {
                    return Err(DecodeError::new(at, "a field stands twice in one record"));
                }
                member(&mut cbor, label, &mut record).map_err(|error| wrong(&cbor, &error))?;
            } else {
                cbor.skip().map_err(|error| wrong(&cbor, &error))?;
            }
        }
        pack.add(&record, at)?;
    }
    if cbor.position() != payload.len() {
        return Err(DecodeError::new(
            cbor.position(),
            "something follows the end of the message",
        ));
    }
    Ok(())
}

fn wrong(cbor: &Decoder<'_>, error: &Error) -> DecodeError {
    DecodeError::new(
        error.position().unwrap_or(cbor.position()),
        format!("no SenML in CBOR: {error}"),
    )
}

/// Whether another item follows in an array or map of `left` items, or of an unknown number.
fn more(cbor: &mut Decoder<'_>, left: &mut Option<u64>) -> Result<bool, DecodeError> {
    match left {
        Some(0) => Ok(false),
        Some(left) => {
            *left -= 1;
            Ok(true)
        }
        None => match cbor.datatype().map_err(|error| wrong(cbor, &error))? {
            Type::Break => {
                cbor.set_position(cbor.position() + 1);
                Ok(false)
            }
            _ => Ok(true),
        },
    }
}

/// The label of a field, or none if it may be ignored.
fn key(cbor: &mut Decoder<'_>) -> Result<Option<Label>, DecodeError> {
    let kind = cbor.datatype().map_err(|error| wrong(cbor, &error))?;
    if matches!(kind, Type::String | Type::StringIndef) {
        let at = cbor.position();
        let key = text(cbor).map_err(|error| wrong(cbor, &error))?;
        if key.ends_with('_') {
            return Err(DecodeError::new(
                at,
                "a field whose name ends with _ must be understood, and this one is not",
            ));
        }
        return Ok(None);
    }
    let label = i128::from(cbor.int().map_err(|error| wrong(cbor, &error))?);
    Ok(Some(match label {
        -2 => Label::BaseName,
        -3 => Label::BaseTime,
        -4 => Label::BaseUnit,
        -5 => Label::BaseValue,
        -6 => Label::BaseSum,
        -1 => Label::BaseVersion,
        0 => Label::Name,
        1 => Label::Unit,
        2 => Label::Value,
        3 => Label::Text,
        4 => Label::Bool,
        5 => Label::Sum,
        6 => Label::Time,
        7 => Label::UpdateTime,
        8 => Label::Data,
        _ => return Ok(None),
    }))
}

fn member<'a>(cbor: &mut Decoder<'a>, label: Label, record: &mut Record<'a>) -> Result<(), Error> {
    match label {
        Label::BaseName => record.base_name = Some(text(cbor)?),
        Label::BaseUnit => record.base_unit = Some(text(cbor)?),
        Label::Name => record.name = Some(text(cbor)?),
        Label::Unit => record.unit = Some(text(cbor)?),
        Label::BaseTime => record.base_time = number(cbor)?,
        Label::BaseValue => record.base_value = number(cbor)?,
        Label::BaseSum => record.base_sum = number(cbor)?,
        Label::Value => record.value = number(cbor)?,
        Label::Sum => record.sum = number(cbor)?,
        Label::Time => record.time = number(cbor)?,
        Label::BaseVersion => record.version = Some(cbor.int()?.into()),
        Label::Bool => record.value = Field::Number(f64::from(u8::from(cbor.bool()?))),
        Label::Text | Label::Data => {
            record.not_numeric = true;
            cbor.skip()?;
        }
        Label::UpdateTime => cbor.skip()?,
    }
    Ok(())
}

fn text<'a>(cbor: &mut Decoder<'a>) -> Result<Cow<'a, str>, Error> {
    if cbor.datatype()? == Type::String {
        return cbor.str().map(Cow::Borrowed);
    }
    let mut whole = String::new();
    for part in cbor.str_iter()? {
        whole.push_str(part?);
    }
    Ok(Cow::Owned(whole))
}

fn number(cbor: &mut Decoder<'_>) -> Result<Field, Error> {
    let number = match cbor.datatype()? {
        Type::F16 => f64::from(cbor.f16()?),
        Type::F32 => f64::from(cbor.f32()?),
        Type::F64 => cbor.f64()?,
        Type::Tag => return tagged(cbor),
        Type::U8
        | Type::U16
        | Type::U32
        | Type::U64
        | Type::I8
        | Type::I16
        | Type::I32
        | Type::I64
        | Type::Int => i128::from(cbor.int()?) as f64,
        _ => {
            cbor.skip()?;
            return Ok(Field::Bad);
        }
    };
    Ok(if number.is_finite() {
        Field::Number(number)
    } else {
        Field::Bad
    })
}

fn tagged(cbor: &mut Decoder<'_>) -> Result<Field, Error> {
    if cbor.tag()? != Tag::new(DECIMAL_FRACTION) {
        cbor.skip()?;
        return Ok(Field::Bad);
    }
    let Some(2) = cbor.array()? else {
        return Err(Error::message(
            "a decimal fraction is an array of two integers",
        ));
    };
    let exponent = i128::from(cbor.int()?);
    let mantissa = i128::from(cbor.int()?);
    // The text's nearest float, as the same value in JSON would be.
    let number: f64 = format!("{mantissa}e{exponent}").parse().unwrap_or(f64::NAN);
    Ok(if number.is_finite() {
        Field::Number(number)
    } else {
        Field::Bad
    })
}
