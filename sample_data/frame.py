"""The pixels of a sample photograph as a frame of its transfer syntax, with a camera's traces inside where it is JPEG.

A camera writes EXIF (owner, serial number, position), XMP and comments into its files. A gateway that wraps the file
as DICOM leaves them where they are: inside the frame, where no header tool looks.
"""

from __future__ import annotations

import io
import struct

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels import compress
from pydicom.uid import JPEG2000, ExplicitVRLittleEndian, JPEG2000Lossless, JPEGBaseline8Bit

from dicom_io.reading import srgb_profile
from sample_data.header import CAMERA_SERIAL, PlantedHeader
from sample_data.patients import Visit

JPEG_QUALITY = 92
J2K_RATIO = 12.0

GPS_LATITUDE = ((58, 1), (4173, 100), (0, 1))
GPS_LONGITUDE = ((11, 1), (5519, 100), (0, 1))
OWNER = "Property of Ifeoma Okonjo-Brandt"
LENS_SERIAL = "LN-0038-551207"


def set_pixels(header: PlantedHeader, rgb: NDArray[np.uint8], visit: Visit) -> None:
    """Write ``rgb`` (height, width, 3; sRGB) into ``header`` in the visit's transfer syntax."""
    dataset = header.dataset
    header.say(
        SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0, Rows=rgb.shape[0],
        Columns=rgb.shape[1], BitsAllocated=8, BitsStored=8, HighBit=7, PixelRepresentation=0,
        LossyImageCompression="00",
        ICCProfile=srgb_profile(),
    )  # fmt: skip
    if visit.transfer_syntax == JPEGBaseline8Bit:
        frame = jpeg(header, rgb, visit)
        dataset.PixelData = encapsulate([frame])
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
        dataset.PhotometricInterpretation = "YBR_FULL_422"
        _lossy(dataset, rgb.nbytes / len(frame), "ISO_10918_1")
    else:
        dataset.PixelData = rgb.tobytes()
        dataset["PixelData"].VR = "OB"
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        if visit.transfer_syntax == JPEG2000Lossless:
            dataset.PhotometricInterpretation = "YBR_RCT"
            compress(dataset, JPEG2000Lossless, generate_instance_uid=False)
        elif visit.transfer_syntax == JPEG2000:
            dataset.PhotometricInterpretation = "YBR_ICT"
            compress(dataset, JPEG2000, j2k_cr=[J2K_RATIO], generate_instance_uid=False)
            _lossy(dataset, J2K_RATIO, "ISO_15444_1")
    dataset.file_meta.TransferSyntaxUID = visit.transfer_syntax


def _lossy(dataset: Dataset, ratio: float, method: str) -> None:
    dataset.LossyImageCompression = "01"
    dataset.LossyImageCompressionRatio = f"{ratio:.2f}"
    dataset.LossyImageCompressionMethod = method


def jpeg(header: PlantedHeader, rgb: NDArray[np.uint8], visit: Visit) -> bytes:
    """A baseline JPEG as a camera writes it: 4:2:2, with EXIF, XMP and a comment where the visit asks for them."""
    stream = io.BytesIO()
    image = Image.fromarray(rgb)
    if not visit.exif:
        image.save(stream, "JPEG", quality=JPEG_QUALITY, subsampling="4:2:2")
        return stream.getvalue()

    taken = f"{visit.study_date[:4]}:{visit.study_date[4:6]}:{visit.study_date[6:]} 07:58:{visit.study_time[4:6]}"
    caption = f"{visit.person.given.split()[-1]} in the garden room"
    comment = f"exported for {visit.person.patient_id} by PERNILLA-LAPTOP"
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Rendered"
    exif[ExifTags.Base.Artist] = "Zetterlund Pernilla Kristin"
    exif[ExifTags.Base.Copyright] = "Sankt Brendan Havsklinik fotoavdelning"
    exif[ExifTags.Base.DateTime] = taken
    exif[ExifTags.Base.ImageDescription] = caption
    camera = exif.get_ifd(ExifTags.IFD.Exif)
    camera[ExifTags.Base.CameraOwnerName] = OWNER
    camera[ExifTags.Base.BodySerialNumber] = CAMERA_SERIAL
    camera[ExifTags.Base.LensSerialNumber] = LENS_SERIAL
    camera[ExifTags.Base.DateTimeOriginal] = taken
    camera[ExifTags.Base.UserComment] = b"ASCII\0\0\0" + comment.encode()
    position = exif.get_ifd(ExifTags.IFD.GPSInfo)
    position[ExifTags.GPS.GPSLatitudeRef] = "N"
    position[ExifTags.GPS.GPSLatitude] = tuple(IFDRational(*part) for part in GPS_LATITUDE)
    position[ExifTags.GPS.GPSLongitudeRef] = "E"
    position[ExifTags.GPS.GPSLongitude] = tuple(IFDRational(*part) for part in GPS_LONGITUDE)
    xmp = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Corridor of Tistelgatan clinic'
        "</dc:title></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    image.save(
        stream, "JPEG", quality=JPEG_QUALITY, subsampling="4:2:2", exif=exif, xmp=xmp.encode(),
        comment=f"scanned at GATEWAY-KROKUS-5 for {visit.person.family}".encode(),
    )  # fmt: skip
    header.planted += [
        ("EXIF Artist", "Zetterlund Pernilla Kristin"),
        ("EXIF Copyright", "Sankt Brendan Havsklinik fotoavdelning"),
        ("EXIF DateTime", taken),
        ("EXIF ImageDescription", caption),
        ("EXIF CameraOwnerName", OWNER),
        ("EXIF BodySerialNumber", CAMERA_SERIAL),
        ("EXIF LensSerialNumber", LENS_SERIAL),
        ("EXIF UserComment", comment),
        ("XMP title", "Corridor of Tistelgatan clinic"),
        ("JPEG comment", f"scanned at GATEWAY-KROKUS-5 for {visit.person.family}"),
        # Rationals have no text: the bytes of the minutes are looked for, in the order that Pillow writes.
        ("EXIF GPSLatitude", "hex:" + struct.pack(">2I", *GPS_LATITUDE[1]).hex()),
        ("EXIF GPSLongitude", "hex:" + struct.pack(">2I", *GPS_LONGITUDE[1]).hex()),
    ]
    return stream.getvalue()
