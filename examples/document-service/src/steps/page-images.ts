/**
 * The pages of a document as greyscale pixels: an image is its own single page, a PDF is rendered.
 */
import type { PDFPageProxy } from 'pdfjs-dist/legacy/build/pdf.mjs'
import sharp, { type Sharp } from 'sharp'
import type { Content } from '../document.ts'
import { withPdf } from '../pdf.ts'

export interface GreyImage {
  readonly data: Uint8Array
  readonly width: number
  readonly height: number
}

/** Dots per inch; what OCR engines are trained on is about 30 pixels per line, and this gives that for common print. */
const RENDER_DPI = 150

export async function pageImages(content: Content): Promise<GreyImage[]> {
  return content.type === 'pdf' ? renderPages(content.bytes) : [await grey(sharp(content.bytes).autoOrient())]
}

export async function grey(image: Sharp): Promise<GreyImage> {
  const { data, info } = await image
    .flatten({ background: '#fff' })
    .toColourspace('b-w')
    .raw()
    .toBuffer({ resolveWithObject: true })
  return { data, width: info.width, height: info.height }
}

export function fromGrey(image: GreyImage): Sharp {
  return sharp(image.data, { raw: { width: image.width, height: image.height, channels: 1 } }).toColourspace('b-w')
}

/** What this file uses of the canvas that pdf.js makes in Node. */
interface Surface {
  readonly canvas: Parameters<PDFPageProxy['render']>[0]['canvas']
  readonly context: {
    getImageData(x: number, y: number, width: number, height: number): { readonly data: Uint8ClampedArray }
  }
}

async function renderPages(bytes: Uint8Array): Promise<GreyImage[]> {
  return withPdf(bytes, async (pdf) => {
    const images: GreyImage[] = []
    for (let number = 1; number <= pdf.numPages; number++) {
      const page = await pdf.getPage(number)
      const viewport = page.getViewport({ scale: RENDER_DPI / 72 })
      const width = Math.ceil(viewport.width)
      const height = Math.ceil(viewport.height)
      const surfaces = pdf.canvasFactory as {
        create(width: number, height: number): Surface
        destroy(surface: Surface): void
      }
      const surface = surfaces.create(width, height)
      await page.render({ canvas: surface.canvas, viewport }).promise
      const { data } = surface.context.getImageData(0, 0, width, height)
      images.push(await grey(sharp(data, { raw: { width, height, channels: 4 } })))
      surfaces.destroy(surface)
    }
    return images
  })
}
