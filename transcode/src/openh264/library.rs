//! openh264's own interface, behind a type that cannot be used wrongly.
#![expect(unsafe_code, reason = "openh264 is C++, with a table of C functions")]

use core::ffi::c_int;
use core::ptr::{null, null_mut};
use core::slice;
use openh264_sys2 as sys;

/// Every picture is I420 (ITU-R BT.601, full range as JPEG has it), with even sides.
#[derive(Clone, Copy, Debug)]
pub(super) struct I420<'a> {
    /// Luma, Cb and Cr.
    pub(super) planes: [&'a [u8]; 3],
    /// Bytes from one row to the next, of luma and of chroma.
    pub(super) strides: [usize; 2],
    /// Width and height in pixels.
    pub(super) size: (usize, usize),
}

impl I420<'_> {
    /// Whether each plane has all of its rows.
    fn is_whole(&self) -> bool {
        let (width, height) = self.size;
        let has = |plane: &[u8], stride: usize, (width, height): (usize, usize)| {
            let last = height.checked_sub(1).and_then(|rows| rows.checked_mul(stride));
            let end = last.and_then(|at| at.checked_add(width));
            width > 0 && width <= stride && end.is_some_and(|end| end <= plane.len())
        };
        let [luma, chroma] = self.strides;
        let half = (width / 2, height / 2);
        has(self.planes[0], luma, self.size)
            && has(self.planes[1], chroma, half)
            && has(self.planes[2], chroma, half)
    }
}

/// What an encoder is made with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// Width and height in pixels.
    pub(super) size: (c_int, c_int),
    /// Bits a second.
    pub(super) bitrate: c_int,
    /// Pictures a second.
    pub(super) rate: f32,
    /// Whether bits are coded by CABAC (ITU-T H.264 9.3), or else CAVLC.
    pub(super) cabac: bool,
    /// How hard it looks for the best.
    pub(super) complexity: sys::ECOMPLEXITY_MODE,
}

/// What openh264 says where something failed: a number of its own.
pub(super) type Code = c_int;

/// A table entry is missing: the library is not the one that this was built with.
const NO_FUNCTION: Code = -1;
/// A plane is too short.
const NO_PLANE: Code = -2;

/// An encoder. What is encoded lies in its own memory until the next call.
#[derive(Debug)]
pub(super) struct Library {
    encoder: *mut sys::ISVCEncoder,
    /// The only size that it takes: initialized for it.
    size: (c_int, c_int),
    info: Box<sys::SFrameBSInfo>,
}

// SAFETY: an encoder without threads of its own (iMultipleThreadIdc 1) has no state that belongs to a thread,
// and all calls take `&mut self`.
unsafe impl Send for Library {}

impl Library {
    /// Makes an encoder.
    pub(super) fn new(settings: &Settings) -> Result<Self, Code> {
        let mut encoder: *mut sys::ISVCEncoder = null_mut();
        let api = sys::source::APILoader::new();
        // SAFETY: writes a pointer to where it is told, which is ours.
        checked(unsafe { api.WelsCreateSVCEncoder(&raw mut encoder) })?;
        if encoder.is_null() {
            return Err(NO_FUNCTION);
        }
        let mut made = Self { encoder, size: settings.size, info: Box::default() };
        // What it says goes to standard error; what matters is in the code.
        made.set(sys::ENCODER_OPTION_TRACE_LEVEL, &mut sys::WELS_LOG_QUIET.clone())?;
        let mut parameters = sys::SEncParamExt::default();
        let defaults = made.table().GetDefaultParams.ok_or(NO_FUNCTION)?;
        // SAFETY: the encoder is alive, and the parameters are ours.
        checked(unsafe { defaults(encoder, &raw mut parameters) })?;
        fill(&mut parameters, settings);
        let initialize = made.table().InitializeExt.ok_or(NO_FUNCTION)?;
        // SAFETY: as above; the parameters are copied.
        checked(unsafe { initialize(encoder, &raw const parameters) })?;
        Ok(made)
    }

    /// From now on so many pictures come a second.
    pub(super) fn set_rate(&mut self, rate: f32) -> Result<(), Code> {
        self.set(sys::ENCODER_OPTION_FRAME_RATE, &mut rate.clone())
    }

    /// Encodes a picture of the size that this was made for, and appends it to `out` as a byte stream (ITU-T
    /// H.264 annex B).
    pub(super) fn encode(
        &mut self,
        picture: &I420<'_>,
        key: bool,
        millis: i64,
        out: &mut Vec<u8>,
    ) -> Result<(), Code> {
        let (width, height) = self.size;
        let same = [(picture.size.0, width), (picture.size.1, height)]
            .iter()
            .all(|&(has, wants)| c_int::try_from(has) == Ok(wants));
        if !same || !picture.is_whole() {
            return Err(NO_PLANE);
        }
        let [luma, chroma] = picture.strides.map(|stride| c_int::try_from(stride).unwrap_or(0));
        let [y, u, v] = picture.planes.map(|plane| plane.as_ptr().cast_mut());
        let source = sys::SSourcePicture {
            iColorFormat: sys::videoFormatI420,
            iStride: [luma, chroma, chroma, 0],
            pData: [y, u, v, null_mut()],
            iPicWidth: width,
            iPicHeight: height,
            uiTimeStamp: millis,
            bPsnrY: false,
            bPsnrU: false,
            bPsnrV: false,
        };
        if key {
            let force = self.table().ForceIntraFrame.ok_or(NO_FUNCTION)?;
            // SAFETY: the encoder is alive. (The C++ function has a second parameter, a layer, which it looks at
            // with several layers only.)
            checked(unsafe { force(self.encoder, true) })?;
        }
        let encode = self.table().EncodeFrame.ok_or(NO_FUNCTION)?;
        // SAFETY: the planes have all of their rows (`is_whole`) and are only read; the description is ours.
        checked(unsafe { encode(self.encoder, &raw const source, &raw mut *self.info) })?;
        self.append(out);
        Ok(())
    }

    fn append(&self, out: &mut Vec<u8>) {
        let layers = usize::try_from(self.info.iLayerNum).unwrap_or(0);
        for layer in self.info.sLayerInfo.iter().take(layers) {
            let count = usize::try_from(layer.iNalCount).unwrap_or(0);
            if layer.pNalLengthInByte.is_null() || layer.pBsBuf.is_null() {
                continue;
            }
            // SAFETY: so many lengths are there (codec_app_def.h), until the next call.
            let lengths = unsafe { slice::from_raw_parts(layer.pNalLengthInByte, count) };
            let bytes = lengths.iter().map(|length| usize::try_from(*length).unwrap_or(0)).sum();
            // SAFETY: the NAL units of a layer lie one behind the other (codec_app_def.h), until the next call.
            out.extend_from_slice(unsafe { slice::from_raw_parts(layer.pBsBuf, bytes) });
        }
    }

    fn set<T>(&mut self, option: sys::ENCODER_OPTION, value: &mut T) -> Result<(), Code> {
        let set = self.table().SetOption.ok_or(NO_FUNCTION)?;
        // SAFETY: the encoder is alive; both options that are set here are read as what they are given as, an int
        // (trace level) and a float (frame rate).
        checked(unsafe { set(self.encoder, option, (&raw mut *value).cast()) })
    }

    /// The functions.
    fn table(&self) -> sys::ISVCEncoderVtbl {
        // SAFETY: an encoder is a pointer to its table for as long as it lives.
        unsafe { **self.encoder }
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        if let Some(uninitialize) = self.table().Uninitialize {
            // SAFETY: the encoder is alive; one that was not initialized may be uninitialized, too.
            unsafe { uninitialize(self.encoder) };
        }
        let api = sys::source::APILoader::new();
        // SAFETY: alive up to here, and never used again.
        unsafe { api.WelsDestroySVCEncoder(self.encoder) };
        self.encoder = null::<sys::ISVCEncoder>().cast_mut();
    }
}

const fn checked(code: c_int) -> Result<(), Code> {
    if code == 0 { Ok(()) } else { Err(code) }
}

fn fill(parameters: &mut sys::SEncParamExt, settings: &Settings) {
    let (width, height) = settings.size;
    let all = parameters;
    all.iUsageType = sys::CAMERA_VIDEO_REAL_TIME;
    (all.iPicWidth, all.iPicHeight) = settings.size;
    (all.iTargetBitrate, all.fMaxFrameRate) = (settings.bitrate, settings.rate);
    all.iRCMode = sys::RC_BITRATE_MODE;
    // Every picture that comes in comes out.
    all.bEnableFrameSkip = false;
    all.iEntropyCodingModeFlag = c_int::from(settings.cabac);
    all.iComplexityMode = settings.complexity;
    // Key pictures come when they are asked for.
    all.uiIntraPeriod = 0;
    all.bEnableSceneChangeDetect = false;
    // What it takes for background it leaves as it was, also where a camera pans: of a picture in motion at the same
    // bits SSIM is lower by 0.001 to 0.003 with it. Adaptive quantization makes no difference with this rate control.
    all.bEnableBackgroundDetection = false;
    all.bEnableAdaptiveQuant = false;
    all.iNumRefFrame = 1;
    // A session's parameter sets stay the same.
    all.eSpsPpsIdStrategy = sys::CONSTANT_ID;
    (all.iSpatialLayerNum, all.iTemporalLayerNum) = (1, 1);
    all.iMultipleThreadIdc = 1;
    let layer = &mut all.sSpatialLayers[0];
    (layer.iVideoWidth, layer.iVideoHeight) = (width, height);
    layer.fFrameRate = settings.rate;
    layer.iSpatialBitrate = settings.bitrate;
    layer.uiProfileIdc = sys::PRO_HIGH;
    layer.sSliceArgument.uiSliceMode = sys::SM_SINGLE_SLICE;
    layer.sSliceArgument.uiSliceNum = 1;
    // JFIF's colours (ITU-T H.264 annex E): full range, primaries of BT.709, transfer of sRGB, matrix of BT.601.
    layer.bVideoSignalTypePresent = true;
    layer.uiVideoFormat = 5;
    layer.bFullRange = true;
    layer.bColorDescriptionPresent = true;
    layer.uiColorPrimaries = 1;
    layer.uiTransferCharacteristics = 13;
    layer.uiColorMatrix = 6;
}
