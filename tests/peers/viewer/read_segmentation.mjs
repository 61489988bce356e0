// Reads a DICOM Segmentation as OHIF does: with Cornerstone3D's adapters, over a stack of images, frame by frame.
//
//   node read_segmentation.mjs FOLDER SEGMENTATION IMAGE...
//
// FOLDER holds the node_modules of package.json. Prints JSON: the first image that is referred to, how the segment is
// called and coloured, and for each image its labels, base64, one byte a pixel, row by row; or {"error": "..."}.

import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder, segmentationFile, ...imageFiles] = process.argv.slice(2);
const library = name => import(pathToFileURL(path.resolve(folder, 'node_modules', name)));

const { default: dcmjs } = await library('dcmjs/build/dcmjs.es.js');
const { metaData } = await library('@cornerstonejs/core/dist/esm/index.js');
const { adaptersSEG } = await library('@cornerstonejs/adapters/dist/esm/index.js');

function bytesOf(file) {
  const content = fs.readFileSync(file);
  return content.buffer.slice(content.byteOffset, content.byteOffset + content.byteLength);
}

function datasetOf(file) {
  const read = dcmjs.data.DicomMessage.readFile(bytesOf(file));
  return dcmjs.data.DicomMetaDictionary.naturalizeDataset(read.dict);
}

// What OHIF's provider says of a single-frame image: one without an orientation gets the axes of its own plane.
function modulesOf(image) {
  const orientation = (image.ImageOrientationPatient ?? [1, 0, 0, 0, 1, 0]).map(Number);
  return {
    instance: image,
    generalSeriesModule: { seriesInstanceUID: image.SeriesInstanceUID, modality: image.Modality },
    generalImageModule: { sopInstanceUID: image.SOPInstanceUID },
    imagePixelModule: {
      rows: image.Rows, columns: image.Columns, samplesPerPixel: image.SamplesPerPixel,
      bitsAllocated: 8, bitsStored: 8, highBit: 7, pixelRepresentation: 0,
      photometricInterpretation: image.PhotometricInterpretation,
    },
    imagePlaneModule: {
      frameOfReferenceUID: image.FrameOfReferenceUID, rows: image.Rows, columns: image.Columns,
      imageOrientationPatient: orientation, rowCosines: orientation.slice(0, 3), columnCosines: orientation.slice(3),
      imagePositionPatient: [0, 0, 0], pixelSpacing: 1, rowPixelSpacing: 1, columnPixelSpacing: 1,
    },
  };
}

const segmentation = datasetOf(segmentationFile);
const modules = new Map(imageFiles.map((file, number) => [`image:${number}`, modulesOf(datasetOf(file))]));
const imageIds = [...modules.keys()];
modules.set('segmentation', { instance: segmentation });
metaData.addProvider((type, imageId) => modules.get(imageId)?.[type], 1000);

let answer;
try {
  const read = await adaptersSEG.Cornerstone3D.Segmentation.createFromDicomSegImageId(imageIds, 'segmentation', {
    metadataProvider: metaData,
    tolerance: 0.001,
    decodeImageData: async () => new Uint8Array(segmentation.PixelData[0]), // the one frame, as an archive hands it out
  });
  const segments = read.segMetadata.data.filter(Boolean);
  answer = {
    referencedSeries: segmentation.ReferencedSeriesSequence[0].SeriesInstanceUID,
    referencedInstance: segmentation.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0].ReferencedSOPInstanceUID,
    segments: segments.map(segment => ({
      label: segment.SegmentLabel,
      colour: segment.RecommendedDisplayCIELabValue && dcmjs.data.Colors.dicomlab2RGB(segment.RecommendedDisplayCIELabValue),
    })),
    labels: read.labelMapImages[0].map(image => Buffer.from(image.getPixelData()).toString('base64')),
  };
} catch (error) {
  answer = { error: String(error) };
}
process.stdout.write(JSON.stringify(answer), () => process.exit(0)); // the library leaves timers behind
